import { EventOperationsService } from '@weft/gen/es/weft/events/v1/operations_pb';
import { EventOperationsServiceService } from '@weft/gen/grpc/weft/events/v1/operations';
import { createClient, RemoteError } from '@weft/kit/rpc';
import { CommandFailure } from '../shop/failure.ts';
import { describeError } from '../terminal/errors.ts';
import { to } from './clients.ts';
import { passes } from './patience.ts';
import type { Session } from './session.ts';
import { SERVICES, type ServiceName, type Targets } from './targets.ts';

type Client = ReturnType<typeof clientOf>;

const clientOf = (target: string) => createClient(EventOperationsServiceService, EventOperationsService, to(target));

/** The operations of events, which every service has for its own consumers. */
export function eventOperations(targets: Targets, session: Session) {
  const clients = SERVICES.map((service) => [service, clientOf(targets[service])] as const);
  const silent = new Map<ServiceName, unknown>();
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
    /** What the first of them says that answers, for what all of them know. Throws what the last one failed with where none does. */
    async any<T>(work: Work<T>): Promise<T> {
      let failure: unknown;
      for (const [, client] of clients) {
        try {
          return await ask(client, work);
        } catch (error) {
          if (!passes(error)) throw error;
          failure = error;
        }
      }
      throw failure;
    },
    /** What each of them says that answers; the others are told by `silent`. Throws what the first one failed with where none does. */
    async all<T>(work: Work<T>): Promise<(readonly [ServiceName, T])[]> {
      const asked = clients.map(async ([service, client]) => [service, await ask(client, work)] as const);
      const outcomes = await Promise.allSettled(asked);
      const answers = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      for (const [index, one] of outcomes.entries()) {
        if (one.status !== 'rejected') continue;
        if (answers.length === 0) throw one.reason;
        silent.set(SERVICES[index] as ServiceName, one.reason);
      }
      return answers;
    },
    /** A line for each service that was asked with all of them, and did not answer. */
    silent: (): readonly string[] => [...silent].map(([service, error]) => describe(service, error)),
    /** What the one says that has it; the others do not know it, or may be away. Throws a CommandFailure where nobody does. */
    async whoever<T>(what: string, work: Work<T>): Promise<T> {
      const away: string[] = [];
      for (const [service, client] of clients) {
        try {
          return await ask(client, work);
        } catch (error) {
          const unknown = error instanceof RemoteError && /^(DEAD_LETTER|CONSUMER)_NOT_FOUND$/.test(error.reason);
          if (passes(error)) away.push(describe(service, error));
          else if (!unknown) throw error;
        }
      }
      if (away.length === 0) throw new CommandFailure(`no service has ${what}`);
      throw new CommandFailure(`no service that answered has ${what}: ${away.join(', ')}`);
    },
    close: () => {
      for (const [, client] of clients) client.close();
    },
  };

  function describe(service: ServiceName, error: unknown): string {
    const why = error instanceof RemoteError && passes(error) ? error.reason : describeError(error);
    return `${service} at ${targets[service]} did not answer (${why})`;
  }
}

export type EventOperations = ReturnType<typeof eventOperations>;
