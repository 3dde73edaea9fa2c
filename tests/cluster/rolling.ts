import assert from 'node:assert/strict';
import { it } from 'node:test';
import { services } from '@weft/all/services';
import { OrderStatus } from '@weft/gen/grpc/weft/orders/v1/orders';
import { eventually } from '@weft/kit/testing';
import { eachBounded } from '../../clients/cli/src/system/bounded.ts';
import { END_STATES, orderOf } from '../flows/shop.ts';
import type { Cluster } from './cluster.ts';
import { type Load, underLoad } from './load.ts';
import { seenBy } from './run.ts';
import type { System } from './system.ts';
import type { Part } from './whole.ts';

const ROLLOUT_MS = 300_000;
const ROUNDS = 2;
/** Services that are restarted at a time. */
const AT_ONCE = 2;

async function rolledOut(cluster: Cluster, service: string): Promise<void> {
  await cluster.kubectl(['rollout', 'status', `deployment/${service}`, '--timeout=290s'], '', ROLLOUT_MS);
}

/** Every service has so many pods, and no other. */
async function scaleAll(cluster: Cluster, replicas: number): Promise<void> {
  const all = services.map(({ spec }) => `deployment/${spec.name}`);
  await cluster.kubectl(['scale', ...all, `--replicas=${replicas}`]);
  for (const { spec } of services) await scale(cluster, spec.name, replicas);
}

async function scale(cluster: Cluster, service: string, replicas: number): Promise<void> {
  await cluster.kubectl(['scale', `deployment/${service}`, `--replicas=${replicas}`]);
  await rolledOut(cluster, service);
  await seenBy(async () => (await cluster.pods(service)).length === replicas, ROLLOUT_MS);
}

/** Nothing failed, and every order that was taken has come to its good end. */
async function assertUnharmed(system: System, what: string, { answered, failed, orders, byRest }: Load): Promise<void> {
  console.log(
    `${what}: ${answered} calls answered (${byRest} by REST), ${failed.length} failed, ${orders.length} orders`,
  );
  // Said at once: the report of a part comes when all of it has run.
  for (const one of failed) console.log(one);
  assert.deepEqual(failed, []);
  assert.ok(orders.length > 10, 'hardly anything was asked for');
  assert.ok(byRest > 10, 'hardly anything was asked for by REST');
  for (const orderId of orders) {
    const { status } = await system.ended(orderId, 120_000);
    assert.equal(status, OrderStatus.ORDER_STATUS_COMPLETED, `order ${orderId} is ${status}`);
  }
}

/** Pods come and go, and nobody who calls can tell. */
export const rolling: Part = (system) => {
  // As staging has it, and with as few as there can be.
  for (const replicas of [2, 1])
    it(`fails no call while every service is restarted, twice, ${replicas} pods each`, async () => {
      const { cluster } = system();
      await scaleAll(cluster, replicas);
      const load = await underLoad(system(), async () => {
        for (let round = 0; round < ROUNDS; round++)
          await eachBounded(services, AT_ONCE, async ({ spec }) => {
            await cluster.kubectl(['rollout', 'restart', `deployment/${spec.name}`]);
            await rolledOut(cluster, spec.name);
          });
      });
      await assertUnharmed(system(), `every service restarted ${ROUNDS} times, ${replicas} pods each`, load);
    });

  it('fails no call while a service is scaled from one pod to three and back', async () => {
    const { cluster } = system();
    const load = await underLoad(system(), async () => {
      for (const service of ['orders', 'inventory'])
        for (const replicas of [3, 1]) await scale(cluster, service, replicas);
    });
    await assertUnharmed(system(), 'scaled from 1 to 3 to 1', load);
  });

  it('fails no call while a pod is evicted, and lets only one go at a time', async () => {
    const { cluster } = system();
    await scale(cluster, 'orders', 2);
    const evict = async (name: string) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: cluster.namespace } };
      const path = `/api/v1/namespaces/${cluster.namespace}/pods/${name}/eviction`;
      await cluster.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
    };
    const load = await underLoad(system(), async () => {
      const [first, second] = (await cluster.pods('orders')).map(({ metadata }) => metadata.name);
      assert.ok(first && second);
      await evict(first);
      await assert.rejects(evict(second), /disruption budget/);
      await rolledOut(cluster, 'orders');
    });
    await assertUnharmed(system(), 'a pod evicted', load);
    await scale(cluster, 'orders', 1);
  });

  it('lets a watched order be followed over a restart, each change once', async () => {
    const { cluster, customer, product } = system();
    const buyer = await customer();
    // The carrier takes half a minute: the order is under way while the service goes.
    const address = { recipient: 'A Customer', street: '155 Country Lane', city: 'Cottington', countryCode: 'GB' };
    const deliveryAddress = { ...address, postalCode: 'SIM-DELAYED' };
    const { order } = await buyer.orders.placeOrder({ ...orderOf(await product({})), deliveryAddress });
    const orderId = order?.orderId ?? '';
    const versions: bigint[] = [];
    let resumeToken = '';
    let ends = 0;
    let last = 0;
    const followed = eventually(async () => {
      for await (const change of buyer.orders.watchOrder({ orderId, resumeToken })) {
        versions.push(change.version);
        resumeToken = change.resumeToken;
        last = change.status;
      }
      ends++;
      return END_STATES.includes(last);
    }, ROLLOUT_MS);
    await cluster.kubectl(['rollout', 'restart', 'deployment/orders']);
    await rolledOut(cluster, 'orders');
    await followed;
    assert.equal(last, OrderStatus.ORDER_STATUS_COMPLETED);
    assert.ok(ends > 1, 'the stream was never ended');
    assert.deepEqual(
      versions,
      [...new Set(versions)].sort((a, b) => Number(a - b)),
    );
  });
};
