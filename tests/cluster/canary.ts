import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { eventually } from '@weft/kit/testing';
import { rawClient } from '../../kit/test/rpc/raw-call.ts';
import { run } from './run.ts';
import type { System } from './system.ts';
import type { Part } from './whole.ts';

const WEFT = join(import.meta.dirname, '../../clients/cli/src/main.ts');
const GET_PRODUCT = '/weft.catalog.v1.CatalogService/GetProduct';

interface Found {
  readonly verdict: string;
  readonly stable: { readonly calls: number };
  readonly canary: { readonly calls: number };
}

/** `weft canary`, as a person uses it. */
export const canary: Part = (system) => {
  const weft = (...args: string[]) =>
    run(process.execPath, [WEFT, 'canary', ...args, '--namespace', system().cluster.namespace], { within: 400_000 });

  it('shares calls with another version, says that it is as good, and ends it without losing one', async () => {
    const [pod] = await system().cluster.pods('catalog');
    const tag =
      pod?.spec.containers
        .find(({ name }) => name === 'catalog')
        ?.image.split(':')
        .at(-1) ?? '';
    const calling = callAll(system());
    try {
      await weft('start', 'catalog', '--tag', tag, '--weight', '50');
      // Its exit code says whether it is as good.
      const found = await eventually(
        async () => JSON.parse(await weft('status', 'catalog', '--seconds', '10', '--json')) as Found,
        120_000,
      );
      assert.equal(found.verdict, 'as good');
      const share = (100 * found.canary.calls) / (found.canary.calls + found.stable.calls);
      console.log(`${'share of a canary of 50 %'.padEnd(34)} ${share.toFixed(1)} %`);
      assert.ok(share > 35 && share < 65, `${share} %`);
      await weft('abort', 'catalog');
      assert.equal((await system().cluster.pods('catalog')).some(isCanary), false);
    } finally {
      const { calls, failures } = await calling.stop();
      console.log(`${'calls meanwhile, failed'.padEnd(34)} ${calls}, ${failures.length}`);
      assert.deepEqual(failures, []);
    }
  });
};

const isCanary = ({ metadata }: { metadata: { labels: Readonly<Record<string, string>> } }) =>
  metadata.labels['weft.dev/track'] === 'canary';

/** Asks for a product that there is not, about 50 times a second: NOT_FOUND is what a working service says. */
function callAll({ ingress }: System) {
  const raw = rawClient(ingress);
  const request = Buffer.concat([Buffer.from([10, 36]), Buffer.from(randomUUID())]);
  const failures: string[] = [];
  let [calls, open, stopped] = [0, 0, false];
  const timer = setInterval(() => {
    if (stopped || open > 50) return;
    open++;
    void raw.unary(GET_PRODUCT, request).then(({ error }) => {
      open--;
      calls++;
      if (error?.code !== status.NOT_FOUND) failures.push(`${status[error?.code ?? 0]} ${error?.details}`);
    });
  }, 20);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await eventually(() => open === 0, 30_000);
      raw.close();
      return { calls, failures: failures.slice(0, 10) };
    },
  };
}
