import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freePorts } from '../src/system/free-ports.ts';
import { PORTS, systemAt } from './weft.ts';

jest.setTimeout(300_000);

/** A shop's real orders, as `weft replay` reads them. */
const FILE = process.env.WEFT_SHOP_FILE ?? '';
const ofAShop = FILE === '' ? describe.skip : describe;

ofAShop('what a real shop sold (WEFT_SHOP_FILE)', () => {
  let folder: string;
  let system: ReturnType<typeof systemAt>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-shop-'));
    system = systemAt(await freePorts(PORTS), join(folder, 'data'));
    await system.start();
  });
  afterAll(async () => {
    await system?.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('is sold again and reconciles to the penny and the piece, twice, with every line taken or named', async () => {
    for (const replay of ['first', 'second']) {
      expect(await system.json('import', FILE)).toMatchObject({ code: 0 });
      const { code, result } = await system.json('replay', FILE);
      expect({ replay, code, differences: result.differences }).toEqual({ replay, code: 0, differences: [] });
      const { inFile, taken, partly, untaken } = result.lines;
      expect(taken + partly + untaken).toBe(inFile);
      expect(taken).toBeGreaterThan(0);
      expect(result.captured.servers).toBe(result.captured.file);
    }
  });
});
