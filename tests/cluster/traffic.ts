import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { meshCallers } from '@weft/kit/rpc';
import { figure } from './figures.ts';
import type { Probed } from './script-pod.ts';
import { openUpstream, settled, type Upstream } from './upstream.ts';
import type { Part } from './whole.ts';

const LOGIN = '/weft.users.v1.UsersService/Login';
const REGISTER = '/weft.users.v1.UsersService/Register';
const GET = '/weft.users.v1.UsersService/GetUser';
const ok = ({ code }: Probed) => code === status.OK;

/** Tests on an upstream with one pod, which are there one after the other. */
const onUpstream =
  (name: string, tests: (upstream: () => Upstream) => void): Part =>
  (system) => {
    describe(name, { concurrency: false }, () => {
      let opened: Upstream | undefined;
      before(async () => {
        const { cluster } = system();
        const [pod] = await cluster.pods('orders');
        opened = await openUpstream(cluster, pod?.spec.containers.find((one) => one.name === 'orders')?.image ?? '');
        await opened.configure({});
        await opened.add('stable', 'stable');
        await settled(opened, { path: LOGIN, times: 3 }, (all) => all.every(ok));
      });
      after(() => opened?.drop());
      tests(() => opened as Upstream);
    });
  };

/** What the sidecars make of the contract's times and attempts, and of who says that they call. */
export const traffic: Part = onUpstream('a sidecar', (current) => {
  it('tries again what its contract lets be repeated, and calls the rest exactly once', async () => {
    const upstream = current();
    const headers = { 'x-behave': 'every-second' };
    const [repeated = [], once = []] = await upstream.call(
      { path: LOGIN, headers: { ...headers, 'x-key': 'repeated' }, times: 50 },
      { path: REGISTER, headers: { ...headers, 'x-key': 'once' }, times: 50 },
    );
    assert.deepEqual(
      repeated.filter((one) => !ok(one)),
      [],
      'a failure of an idempotent method was seen',
    );
    assert.equal(repeated.at(-1)?.count, 100);
    assert.equal(once.filter(ok).length, 25);
    assert.equal(once.at(-1)?.count, 50);
  });

  it('cuts a call that takes longer than its contract says', async () => {
    const upstream = current();
    const headers = { 'x-behave': 'slow', 'x-key': 'slow' };
    const [[two], [five]] = (await upstream.call({ path: GET, headers }, { path: REGISTER, headers })) as [
      Probed[],
      Probed[],
    ];
    // Who calls here has no deadline of its own, so that it is the proxy that cuts: UNAVAILABLE, later by mesh.timeoutSlackMs. A client of
    // the kit has given up before, with DEADLINE_EXCEEDED.
    for (const [answer, contract] of [[two, 2000] as const, [five, 5000] as const]) {
      assert.ok(answer && [status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(answer.code), JSON.stringify(answer));
      assert.ok(answer.ms >= contract && answer.ms < contract + 1500, `${answer.ms} ms instead of ${contract}`);
    }
  });

  it('has services told by their own sidecar who calls, whatever the caller says', async () => {
    const upstream = current();
    const forged = 'By=x;Hash=ab;Subject="";URI=spiffe://cluster.local/ns/weft/sa/checkout';
    const [[answer]] = (await upstream.call({ path: LOGIN, headers: { 'x-forwarded-client-cert': forged } })) as [
      Probed[],
    ];
    const metadata = new Metadata();
    metadata.set('x-forwarded-client-cert', answer?.seen ?? '');
    const identify = meshCallers({ trustDomain: 'cluster.local', namespace: upstream.namespace });
    assert.equal(identify(metadata, { getPeer: () => '127.0.0.6:1' }), 'prober', answer?.seen);
  });
});

/** What they make of the values: faults, weights, outliers. */
export const shifts: Part = onUpstream('a sidecar, as the values have it,', (current) => {
  it('makes the faults of the values, for calls with the header alone', async () => {
    const upstream = current();
    const abort = { code: 'RESOURCE_EXHAUSTED', percent: 100 };
    const delay = { ms: 700, percent: 100 };
    await upstream.configure({ faults: [{ methods: ['Login'], headers: { 'x-fault': 'yes' }, abort, delay }] });
    const faulty = { path: LOGIN, headers: { 'x-fault': 'yes' } };
    const [answer] = await settled(upstream, faulty, ([one]) => one?.code === status.RESOURCE_EXHAUSTED);
    assert.ok((answer?.ms ?? 0) >= 700);
    const others = await upstream.call({ path: LOGIN }, { path: GET, headers: { 'x-fault': 'yes' } });
    assert.deepEqual(
      others.flat().filter((one) => !ok(one)),
      [],
    );
  });

  it('gives a canary its share of 2,000 calls within 2 points, and every call with its header', async () => {
    const upstream = current();
    await upstream.add('canary', 'canary');
    const canary = { enabled: true, image: { tag: 'next' }, weight: 10, match: { 'x-canary': 'yes' } };
    await upstream.configure({ canary });
    await settled(upstream, { path: LOGIN, headers: { 'x-canary': 'yes' }, times: 5 }, (all) =>
      all.every((one) => ok(one) && one.pod === 'canary'),
    );
    const share = async () => {
      const [all = []] = await upstream.call({ path: LOGIN, times: 2000, parallel: 10 });
      assert.deepEqual(
        all.filter((one) => !ok(one)),
        [],
      );
      const found = (100 * all.filter(({ pod }) => pod === 'canary').length) / all.length;
      figure('share of a canary of 10 %', `${found.toFixed(2)} %`);
      return found;
    };
    // Each call is led by chance, which takes 3 of 1,000 such counts further off: two in a row it does not.
    const first = await share();
    const found = Math.abs(first - 10) <= 2 ? first : await share();
    assert.ok(Math.abs(found - 10) <= 2, `${found} %`);
    await upstream.configure({});
    await settled(upstream, { path: LOGIN, times: 50 }, (answers) => answers.every(({ pod }) => pod === 'stable'));
    await upstream.remove('canary');
  });

  it('leaves out a pod that keeps failing', async () => {
    const upstream = current();
    await upstream.add('broken', 'stable', 'broken');
    // Nothing is tried again: what fails is seen.
    const all = await settled(upstream, { path: REGISTER, times: 300 }, (answers) => !answers.every(ok));
    const failed = all.filter((one) => !ok(one)).length;
    figure('calls that a broken pod failed', `${failed} of ${all.length}`);
    assert.ok(failed <= 30, `${failed} calls failed`);
    assert.ok(all.slice(100).every(ok), 'calls failed after the pod had to be left out');
  });
});
