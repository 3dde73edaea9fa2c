import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { shopProcess } from './process.ts';

let folder: string;
beforeAll(async () => {
  folder = join(process.env.WEFT_TEST_FOLDER ?? tmpdir(), `refused-${randomUUID()}`);
  await mkdir(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What it says, and nothing else, and its exit code. */
async function refusal(dataFolder: string, env: Readonly<Record<string, string>> = {}) {
  const shop = await shopProcess(dataFolder, { env });
  await expect(shop.start()).rejects.toThrow('exited with');
  return { code: await shop.exited(), lines: shop.output().trimEnd().split('\n') };
}

describe('npm start ends with exit code 1 and one clear line', () => {
  it('when a port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const refused = await refusal(folder, { ORDERS_GRPC_PORT: String(port) });
    taken.close();
    expect(refused).toEqual({ code: 1, lines: [`weft: port ${port} on 127.0.0.1 is in use`] });
  }, 60_000);

  it('when the data folder is broken', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'postgres'), 'no folder');
    const { code, lines } = await refusal(broken);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^weft: .*broken.*is not a data folder of ours/)]);
  }, 60_000);

  it('for each setting that is wrong', async () => {
    const { code, lines } = await refusal(folder, { STOP_TIMEOUT_MS: 'soon', CHECKOUT_SAGA_CONCURRENCY: 'many' });
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/^weft: setting STOP_TIMEOUT_MS must be a whole number/),
      expect.stringMatching(/^weft: setting CHECKOUT_SAGA_CONCURRENCY must be a whole number/),
    ]);
  }, 60_000);
});
