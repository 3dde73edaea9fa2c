import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import { eventually } from '@weft/kit/testing';
import { rawClient } from '../../kit/test/rpc/raw-call.ts';
import { figure } from './figures.ts';
import { run } from './run.ts';
import type { System } from './system.ts';
import type { Part } from './whole.ts';

const WEFT = join(import.meta.dirname, '../../clients/cli/src/main.ts');
const GET_PRODUCT = '/weft.catalog.v1.CatalogService/GetProduct';
const CANARY = 'deployment/catalog-canary';
const RATE = 200;
/** A busy machine makes fewer calls a second than it is asked for; by fewer than these nothing would be shown. */
const LEAST_RATE = RATE / 2;

interface Track {
  readonly calls: number;
  readonly failed: number;
}

interface Found {
  readonly verdict: string;
  readonly reason: string;
  readonly stable: Track;
  readonly canary: Track;
}

const shareOf = ({ canary, stable }: Found) => (100 * canary.calls) / (canary.calls + stable.calls);

/** `weft canary`, as a person uses it. */
export const canary: Part = (system) => {
  const weft = (...args: string[]) =>
    run(process.execPath, [WEFT, 'canary', ...args, '--namespace', system().cluster.namespace], { within: 400_000 });
  /** Its exit code says whether it is as good: 1 comes with what it found as well. */
  const look = async (seconds: number) => {
    const args = ['status', 'catalog', '--seconds', `${seconds}`, '--json'];
    const said = await weft(...args).catch((error: Error) => error.message.slice(error.message.indexOf('{')));
    return JSON.parse(said) as Found;
  };
  const tagNow = async () => {
    const [pod] = (await system().cluster.pods('catalog')).filter((one) => !isCanary(one));
    const image = pod?.spec.containers.find(({ name }) => name === 'catalog')?.image ?? '';
    return image.split(':').at(-1) ?? '';
  };

  it('shares calls with another version, says that it is as good, and promotes it without losing one', async (test: TestContext) => {
    const now = await tagNow();
    const next = process.env.WEFT_NEXT_TAG || now;
    // A promotion to what is there already is not seen.
    const isOther = next !== now;
    if (!isOther) test.diagnostic(`not tested that a promoted image takes over: WEFT_NEXT_TAG names no tag but ${now}`);
    const calling = callAll(system(), 50);
    try {
      await weft('start', 'catalog', '--tag', next, '--weight', '50');
      const found = await eventually(async () => {
        const one = await look(10);
        assert.equal(one.verdict, 'as good', one.reason);
        return one;
      }, 120_000);
      figure('share of a canary of 50 %', `${shareOf(found).toFixed(1)} %`);
      assert.ok(Math.abs(shareOf(found) - 50) < 15, `${shareOf(found)} %`);
      await weft('promote', 'catalog');
      assert.equal((await system().cluster.pods('catalog')).some(isCanary), false);
      if (isOther) assert.equal(await tagNow(), next);
    } finally {
      const { answered, failures } = await calling.stop();
      figure('calls meanwhile, failed', `${answered}, ${failures.length}`);
      assert.deepEqual(failures, []);
    }
  });

  it('shows a broken version within a minute, and ends it', async () => {
    const { cluster } = system();
    const script = await readFile(join(import.meta.dirname, 'pods/broken.mjs'), 'base64');
    await weft('start', 'catalog', '--tag', await tagNow(), '--weight', '0');
    // What a broken image would hold.
    await cluster.kubectl(['set', 'env', CANARY, `NODE_OPTIONS=--import=data:text/javascript;base64,${script}`]);
    await cluster.kubectl(['rollout', 'status', CANARY, '--timeout=170s'], '', 180_000);
    const calling = callAll(system(), RATE);
    try {
      await weft('weight', 'catalog', '10');
      const [began, callsBefore] = [performance.now(), calling.answered()];
      const found = await eventually(async () => {
        const one = await look(10);
        assert.equal(one.verdict, 'worse', 'it is not seen to be worse');
        return one;
      }, 60_000);
      const seconds = (performance.now() - began) / 1000;
      const rate = (calling.answered() - callsBefore) / seconds;
      const share = `${found.canary.failed} of its ${found.canary.calls} calls failed`;
      figure('a broken canary, seen', `after ${seconds.toFixed(0)} s at ${rate.toFixed(0)} calls/s: ${share}`);
      assert.ok(seconds < 60, `${seconds} s`);
      assert.ok(rate > LEAST_RATE, `only ${rate.toFixed(0)} calls a second were made`);
      assert.equal(found.stable.failed, 0);
      await weft('abort', 'catalog');
      assert.equal((await cluster.pods('catalog')).some(isCanary), false);
      const afterwards = await look(1).then(
        () => 'it is still there',
        () => 'gone',
      );
      assert.equal(afterwards, 'gone');
    } finally {
      await calling.stop();
    }
    const after = callAll(system(), 100);
    await eventually(() => after.answered() > 500, 60_000);
    assert.deepEqual((await after.stop()).failures, []);
  });
};

const isCanary = ({ metadata }: { metadata: { labels: Readonly<Record<string, string>> } }) =>
  metadata.labels['weft.dev/track'] === 'canary';

/** Asks so often a second for a product that there is not: NOT_FOUND is what a working service says. */
function callAll({ ingress }: System, rate: number) {
  const raw = rawClient(ingress);
  const request = Buffer.concat([Buffer.from([10, 36]), Buffer.from(randomUUID())]);
  const failures: string[] = [];
  let [answered, open, stopped] = [0, 0, false];
  const timer = setInterval(() => {
    if (stopped || open > 50) return;
    open++;
    void raw.unary(GET_PRODUCT, request).then(({ error }) => {
      open--;
      answered++;
      if (error?.code !== status.NOT_FOUND) failures.push(`${status[error?.code ?? 0]} ${error?.details}`);
    });
  }, 1000 / rate);
  return {
    answered: () => answered,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await eventually(() => open === 0, 30_000);
      raw.close();
      return { answered, failures: failures.slice(0, 10) };
    },
  };
}
