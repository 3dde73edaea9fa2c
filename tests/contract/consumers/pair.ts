import type { DescService } from '@bufbuild/protobuf';
import { expect } from '@jest/globals';
import { type Message, openPostgresBus } from '@weft/kit/events';
import type { AnyService, ServiceRuntime } from '@weft/kit/module';
import { createClient, type GeneratedService } from '@weft/kit/rpc';
import { createLogger, createTracing } from '@weft/kit/telemetry';
import { type Booted, boot, freePort } from '@weft/kit/testing';

/** What a service is given to make its clients with. */
type ClientFactory = ServiceRuntime<never, never>['client'];

export interface Sent {
  readonly method: string;
  readonly request: unknown;
}

/**
 * A provider, real and alone, and what a consumer's client adapter is made with: every request that the adapter sends is
 * recorded and goes to the provider, which applies its contract's rules to it.
 */
export async function openPair(provider: AnyService, consumer: string, targets: Readonly<Record<string, string>> = {}) {
  const nowhere = `127.0.0.1:${await freePort()}`;
  const away = Object.fromEntries(provider.needs.map((name) => [name, nowhere]));
  const booted = await boot([provider], { targets: { ...away, ...targets } });
  const logger = createLogger({ level: 'silent', pretty: false });
  const bus = openPostgresBus({ url: booted.bus.url, name: 'test', logger });
  const sent: Sent[] = [];
  const open: { close: () => void }[] = [];
  const client = ((service: string, generated: GeneratedService, descriptor: DescService) => {
    const real = createClient(generated, descriptor, {
      target: booted.target(service),
      caller: consumer,
      tracing: createTracing({ service: consumer, version: '0', ratio: 0, endpoint: '' }),
      retries: false,
    });
    open.push(real);
    const recorded = Object.keys(generated).map((method) => {
      const call = real[method] as (request: unknown, ...rest: unknown[]) => unknown;
      return [
        method,
        (request: unknown, ...rest: unknown[]) => {
          sent.push({ method, request });
          return call(request, ...rest);
        },
      ];
    });
    return Object.fromEntries(recorded);
  }) as ClientFactory;
  return {
    booted,
    client,
    /** The requests since it was last asked. */
    sent: (): Sent[] => sent.splice(0),
    /** Puts events of others on the provider's bus. */
    publish: (...messages: Message[]) => bus.publish(messages),
    async stop() {
      await bus.close();
      for (const one of open) one.close();
      await booted.stop();
    },
  };
}

export type Pair = Awaited<ReturnType<typeof openPair>>;

/** What an adapter throws: what its service tells refusals apart by. */
export const refusal = (code: number, reason: string, metadata: Record<string, string> = {}) =>
  expect.objectContaining({ name: 'RemoteError', code, reason, metadata: expect.objectContaining(metadata) });

/** What a provider has published of an aggregate, as it is on its bus. */
export async function publishedOf(booted: Booted, key: string): Promise<Message[]> {
  await booted.settle(10_000);
  return booted.bus.query<Message & Record<string, unknown>>(
    'SELECT id, type, subject, key, headers, payload FROM bus.message WHERE key = $1 ORDER BY seq',
    [key],
  );
}

export const ADDRESS = {
  recipient: 'A Customer',
  street: '155 Country Lane',
  city: 'Cottington',
  postalCode: 'CT1 1AA',
  countryCode: 'GB',
};

export const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });
