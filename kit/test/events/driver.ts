import { pino } from 'pino';
import { openPostgresBus } from '../../src/events/index.ts';
import type { BusDriver } from '../../src/testing/bus-suite.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';

export const logger = pino({ level: process.env.TEST_LOG ?? 'silent' });

export async function openDriver(): Promise<BusDriver & { readonly server: TestDatabase }> {
  const server = await testDatabase('bus');
  return {
    server,
    open: async () => openPostgresBus({ url: server.url, name: 'test', logger }),
    disconnectAll: () => server.disconnectAll(),
    close: () => server.drop(),
  };
}
