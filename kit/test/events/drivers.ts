import { describe } from '@jest/globals';
import type { BusDriver } from '../../src/testing/bus-suite.ts';
import { hasNats, startNats, type TestNats } from '../../src/testing/nats.ts';
import { type TestDatabase, testDatabase } from '../../src/testing/postgres.ts';
import { type Kind, openBus } from './buses.ts';

export interface TestDriver extends BusDriver {
  readonly kind: Kind;
  readonly url: string;
}

export async function openPostgres(): Promise<TestDriver & { readonly server: TestDatabase }> {
  const server = await testDatabase('bus');
  return {
    kind: 'postgres',
    url: server.url,
    server,
    open: async () => openBus('postgres', server.url),
    disconnectAll: () => server.disconnectAll(),
    goAway: () => server.goAway(),
    close: () => server.drop(),
  };
}

export async function openJetStream(): Promise<TestDriver & { readonly server: TestNats }> {
  const server = await startNats();
  return {
    kind: 'jetstream',
    url: server.url,
    server,
    open: async () => openBus('jetstream', server.url),
    disconnectAll: () => server.restart(),
    async goAway() {
      await server.kill();
      return () => server.start();
    },
    close: () => server.drop(),
  };
}

const DRIVERS = [
  { kind: 'postgres', open: openPostgres, there: true },
  { kind: 'jetstream', open: openJetStream, there: hasNats },
] as const;

/** What holds whichever driver it is. Without a nats-server on the path that of JetStream is skipped. */
export function onEachBus(body: (open: () => Promise<TestDriver>) => void): void {
  for (const { kind, open, there } of DRIVERS) {
    if (there) describe(`on ${kind}`, () => body(open));
    else describe.skip(`on ${kind}: there is no nats-server on the path`, () => body(open));
  }
}

/** For what only JetStream has to do. */
export const describeJetStream = hasNats ? describe : describe.skip;
