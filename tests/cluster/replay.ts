import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { figure } from './figures.ts';
import { run } from './run.ts';
import { environmentOf } from './system.ts';
import type { Part } from './whole.ts';

const WEFT = join(import.meta.dirname, '../../clients/cli/src/main.ts');
const LINES = 1000;

interface Replayed {
  readonly reconciled: boolean;
  readonly orders: { readonly placed: number };
  readonly seconds: number;
}

/** The first lines of a real shop's file (WEFT_SHOP_FILE, as `weft replay` reads it), sold through the ingress. */
export const replay: Part = (system) => {
  it('reconciles what a real shop sold through the ingress', async (test) => {
    const shop = process.env.WEFT_SHOP_FILE;
    if (!shop) return test.skip('WEFT_SHOP_FILE names no file');
    const folder = await mkdtemp(join(tmpdir(), 'weft-replay-'));
    try {
      const file = join(folder, 'shop.csv');
      await writeFile(file, (await readFile(shop, 'utf8')).split('\n').slice(0, LINES).join('\n'));
      const env = environmentOf(system());
      const weft = (...args: string[]) => run(process.execPath, [WEFT, ...args], { env, within: 600_000 });
      await weft('import', file, '--json', '--concurrency', '4');
      const said = JSON.parse(await weft('replay', file, '--json', '--concurrency', '8')) as Replayed;
      figure('replayed orders', `${said.orders.placed} in ${said.seconds} s`);
      assert.equal(said.reconciled, true);
      assert.ok(said.orders.placed > 10);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
};
