import type { DescService } from '@bufbuild/protobuf';
import { expect } from '@jest/globals';
import type { AnyService, ServiceRuntime } from '@weft/kit/module';
import { createClient, type GeneratedService } from '@weft/kit/rpc';
import { createTracing } from '@weft/kit/telemetry';
import { boot, freePort } from '@weft/kit/testing';

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
    async stop() {
      for (const one of open) one.close();
      await booted.stop();
    },
  };
}

export type Pair = Awaited<ReturnType<typeof openPair>>;

/** What an adapter throws: what its service tells refusals apart by. */
export const refusal = (code: number, reason: string, metadata: Record<string, string> = {}) =>
  expect.objectContaining({ name: 'RemoteError', code, reason, metadata: expect.objectContaining(metadata) });

export const GBP = (minorUnits: bigint) => ({ currencyCode: 'GBP', minorUnits });
