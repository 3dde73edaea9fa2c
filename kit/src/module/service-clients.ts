import type { Registry } from '../discovery/index.ts';
import { createClient, type LocalServers, type Observer } from '../rpc/index.ts';
import type { Tracing } from '../telemetry/index.ts';
import { type AnyService, targetKey } from './service.ts';

/** The clients of the services that a service says it needs, one channel each. */
export function clientsOf(
  spec: AnyService,
  config: Readonly<Record<string, unknown>> & { readonly retries: boolean },
  { registry, local }: { readonly registry: Registry | undefined; readonly local: LocalServers },
  tracing: Tracing,
  observers: readonly Observer[],
) {
  const open: { close: () => void }[] = [];
  return {
    client: (service: string, generated: never, descriptor: never) => {
      if (!spec.needs.includes(service)) throw new Error(`${spec.name} does not say that it needs ${service}`);
      const target = String(config[targetKey(service)]);
      const client = createClient(generated, descriptor, {
        target,
        caller: spec.name,
        tracing,
        observers,
        registry,
        local,
        retries: config.retries,
      });
      open.push(client);
      return client as never;
    },
    close: () => {
      for (const client of open) client.close();
    },
  };
}
