import { EventOperationsService } from '@weft/gen/es/weft/events/v1/operations_pb';
import { EventOperationsServiceService } from '@weft/gen/grpc/weft/events/v1/operations';
import { createClient, RemoteError } from '@weft/kit/rpc';
import { CommandFailure } from '../shop/failure.ts';
import { to } from './clients.ts';
import type { Session } from './session.ts';
import { SERVICES, type ServiceName, type Targets } from './targets.ts';

type Client = ReturnType<typeof clientOf>;

const clientOf = (target: string) => createClient(EventOperationsServiceService, EventOperationsService, to(target));

/** The operations of events, which every service has for its own consumers. */
export function eventOperations(targets: Targets, session: Session) {
  const clients = SERVICES.map((service) => [service, clientOf(targets[service])] as const);
  type Work<T> = (client: Client, as: { token: string }) => Promise<T>;
  const ask = <T>(client: Client, work: Work<T>) => session.call((token) => work(client, { token }));
  return {
    /** Those that publish one of these types, by their names; all of them where there are none. Throws a CommandFailure. */
    publishers(types: readonly string[]) {
      const found = clients.map(([service, client]) => ({
        types: types.filter((type) => type.startsWith(`weft.${service}.`)),
        ask: <T>(work: Work<T>): Promise<T> => ask(client, work),
      }));
      const foreign = types.find((type) => !found.some((one) => one.types.includes(type)));
      if (foreign !== undefined) throw new CommandFailure(`no service publishes ${foreign}`);
      return types.length === 0 ? found : found.filter((one) => one.types.length > 0);
    },
    /** What one of them says, for what all of them know. */
    any: <T>(work: Work<T>): Promise<T> => ask(clients[0]?.[1] as Client, work),
    /** What each of them says. */
    all: <T>(work: Work<T>): Promise<(readonly [ServiceName, T])[]> =>
      Promise.all(clients.map(async ([service, client]) => [service, await ask(client, work)] as const)),
    /** What the one says that has it; the others do not know it. Throws a CommandFailure where nobody does. */
    async whoever<T>(what: string, work: Work<T>): Promise<T> {
      for (const [, client] of clients) {
        try {
          return await ask(client, work);
        } catch (error) {
          const unknown = error instanceof RemoteError && /^(DEAD_LETTER|CONSUMER)_NOT_FOUND$/.test(error.reason);
          if (!unknown) throw error;
        }
      }
      throw new CommandFailure(`no service has ${what}`);
    },
    close: () => {
      for (const [, client] of clients) client.close();
    },
  };
}

export type EventOperations = ReturnType<typeof eventOperations>;
