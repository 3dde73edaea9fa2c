import { status } from '@grpc/grpc-js';
import { RemoteError } from '@weft/kit/rpc';
import { CommandFailure } from '../shop/failure.ts';
import { findAdmin, findEmbeddedAdmin, requireAdmin } from '../system/admin.ts';
import { type Clients, createClients } from '../system/clients.ts';
import { startEmbedded } from '../system/embedded.ts';
import { checkHealth } from '../system/health.ts';
import type { Patience } from '../system/patience.ts';
import { type Credentials, type Session, signIn } from '../system/session.ts';
import { gatewayFrom, SERVICES, type ServiceName, type Targets, targetsFrom } from '../system/targets.ts';
import { describeError } from '../terminal/errors.ts';
import { clearProgress } from '../terminal/progress.ts';

/** What every command understands. */
export interface CommonOptions {
  readonly embedded?: boolean;
  readonly json?: boolean;
}

export interface CommandNeeds {
  /** Services without which the command is not begun; all of them where left out. */
  readonly needs?: readonly ServiceName[];
  /** Milliseconds for which a system may be away in the middle of it; two minutes where left out. */
  readonly patienceMs?: number;
}

export interface CommandContext {
  readonly targets: Targets;
  /** URL of the gateway. */
  readonly gateway: string;
  readonly clients: Clients;
  readonly admin: Credentials | undefined;
  readonly patience: Patience;
}

class Interrupted extends Error {
  readonly exitCode: number;
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

const PATIENCE_MS = 120_000;
const FIRST_ANSWER_MS = 3000;

/**
 * Runs a command against the system of the environment, or against one that it starts. Work that answers false ends with
 * exit code 1; so does an error, after one line on standard error.
 */
export async function runCommand(
  options: CommonOptions,
  work: (context: CommandContext) => Promise<boolean>,
  { needs = SERVICES, patienceMs = PATIENCE_MS }: CommandNeeds = {},
): Promise<void> {
  const interrupt = new AbortController();
  const stops: (() => Promise<void> | void)[] = [];
  const interrupted = (signal: 'SIGINT' | 'SIGTERM') => {
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new Interrupted(signal));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted);
  try {
    const context = await prepare(options, interrupt.signal, stops, patienceMs);
    if (!options.embedded && needs.length > 0) await assertAnswers(context.targets, needs);
    const aborted = new Promise<never>((_, reject) => {
      context.patience.signal.addEventListener('abort', () => reject(context.patience.signal.reason), { once: true });
    });
    const well = await Promise.race([work(context), aborted]);
    process.exitCode = well ? 0 : 1;
  } catch (error) {
    clearProgress();
    const { exitCode } = error as { exitCode?: number };
    if (!(error instanceof Interrupted)) process.stderr.write(`weft: ${describeError(error)}\n`);
    process.exitCode = exitCode ?? 1;
  } finally {
    for (const stop of stops.reverse()) await stop();
    process.exit();
  }
}

async function prepare(
  { embedded }: CommonOptions,
  interrupt: AbortSignal,
  stops: (() => Promise<void> | void)[],
  limit: number,
): Promise<CommandContext> {
  if (!embedded) {
    const targets = targetsFrom(process.env);
    const clients = createClients(targets);
    const admin = await findAdmin(process.env);
    return { targets, gateway: gatewayFrom(process.env), clients, admin, patience: { limit, signal: interrupt } };
  }
  const system = await startEmbedded(process.env, interrupt);
  stops.push(() => system.stop());
  const clients = createClients(system.targets);
  stops.push(() => clients.close());
  const admin = await findEmbeddedAdmin(system.dataFolder, process.env);
  const signal = AbortSignal.any([interrupt, system.ended]);
  return { targets: system.targets, gateway: system.gateway, clients, admin, patience: { limit, signal } };
}

/** A system that is not there at all is said at once, and not after the patience that a restart deserves. */
async function assertAnswers(targets: Targets, needs: readonly ServiceName[]): Promise<void> {
  const answers = await checkHealth(targets, FIRST_ANSWER_MS);
  // An ingress with several services at one address passes no question of health on: what is asked for there will tell.
  const down = answers.filter(({ health }) => health !== 'SERVING' && health !== status[status.UNIMPLEMENTED]);
  const missed = down.filter(({ service }) => needs.includes(service));
  const [first] = missed;
  if (!first) return;
  if (down.length === answers.length && first.health === status[status.UNAVAILABLE]) {
    throw new CommandFailure(`nothing answers at ${first.target}: start a system with npm start, or use --embedded`);
  }
  const names = missed.map(({ service, target, health }) => `${service} at ${target} (${health})`);
  throw new CommandFailure(`not serving: ${names.join(', ')}`);
}

/** Throws CommandFailure when there is no administrator, or the address or password is not right. */
export async function signInAsAdmin({ clients, admin, patience }: CommandContext): Promise<Session> {
  return signIn(clients.users, requireAdmin(admin), patience).catch((error) => {
    throw adminRefused(error);
  });
}

function adminRefused(error: unknown): unknown {
  if (!(error instanceof RemoteError && error.code === status.UNAUTHENTICATED)) return error;
  return new CommandFailure(`the administrator's address or password is not right (${error.reason})`);
}
