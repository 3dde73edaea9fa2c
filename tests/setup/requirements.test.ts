import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { testDatabase } from '@weft/kit/testing';
import { chromiumPath } from './chromium.ts';

const required = (process.env.WEFT_REQUIRE ?? '').split(',').filter(Boolean);

const runs = (command: string, argument = '--version') =>
  spawnSync(command, [argument], { encoding: 'utf8' }).stdout ?? '';

/** How each server or program shows that it is there. */
const PROOFS: Readonly<Record<string, () => Promise<string>>> = {
  nats: async () => runs('nats-server'),
  redis: async () => runs('redis-server'),
  chromium: async () => (chromiumPath === undefined ? '' : runs(chromiumPath)),
  helm: async () => runs('helm', 'version'),
  promtool: async () => runs('promtool'),
  postgres: async () => {
    const database = await testDatabase('requirements');
    const [row] = await database.query<{ version: string }>('SELECT version()');
    await database.drop();
    return row?.version ?? '';
  },
};

describe('the servers and programs that WEFT_REQUIRE names', () => {
  it('are ones that the tests know', () => {
    expect(required.filter((name) => !PROOFS[name])).toEqual([]);
  });

  // Where it names none, a test that cannot have its server is skipped instead.
  it.each(['postgres', ...required.filter((name) => name !== 'postgres' && PROOFS[name])])(
    '%s is there',
    async (name) => {
      expect(await PROOFS[name]?.()).toMatch(/\d+\.\d+/);
    },
  );
});
