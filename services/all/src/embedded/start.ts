import { readdir, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries, reachableBinaries } from './binaries.ts';
import { openCluster, SUPERUSER } from './cluster.ts';
import { type DatabaseRequest, ensureDatabases } from './databases.ts';
import { EmbeddedPostgresError, errorCode, oneLine } from './errors.ts';
import { openHome, prepareFolder } from './home.ts';
import { lockFolder } from './lock.ts';
import { watchLog } from './log-file.ts';
import type { EmbeddedLogger } from './logger.ts';
import { stopOrphan } from './orphan.ts';
import { launchServer, PortInUse, type Settings, StillClosing, socketFolder } from './server.ts';
import { stopProcess } from './stop.ts';
import { serverUrl, withLogin } from './urls.ts';
import { startWatchdog } from './watchdog.ts';
import { haveYield } from './yielding.ts';

export interface EmbeddedPostgresOptions {
  /** Made when it is not there. Of one process at a time. */
  readonly dataFolder: string;
  /** On 127.0.0.1; a free one when absent. */
  readonly port?: number;
  readonly logger: EmbeddedLogger;
  /** Server settings (postgresql.conf) that replace ours. */
  readonly settings?: Settings;
  /** The data folder, which must be new or empty, is removed when the server is stopped or this process dies. */
  readonly temporary?: boolean;
}

export interface EmbeddedPostgres {
  /** A connection URL of the superuser: it holds a password. */
  readonly adminUrl: string;
  readonly port: number;
  /** By way of the server's socket where there is one, which takes a third less time than the port. */
  urlFor(database: string, role: string, password: string): string;
  /**
   * Makes each role reach its databases with its password, and no other database. The first role that a database is
   * listed with owns it, others may connect. Throws EmbeddedPostgresError.
   */
  ensureDatabases(list: readonly DatabaseRequest[]): Promise<void>;
  /** Stops the server, within 5 s, and gives the data folder back. A second call waits for the first. */
  stop(): Promise<void>;
  /** Resolves when the server has ended without being asked to. */
  readonly failed: Promise<EmbeddedPostgresError>;
}

const START_ATTEMPTS = 4;
const IMMEDIATE_LIMIT_MS = 1_000;

async function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const why =
        errorCode(error) === 'EADDRINUSE' ? 'is in use' : `cannot be used (${errorCode(error) ?? oneLine(error)})`;
      reject(new PortInUse(`port ${wanted} on 127.0.0.1 ${why}: choose another one`));
    });
    probe.listen({ port: wanted, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : wanted;
      probe.close(() => resolve(port));
    });
  });
}

function checkPort(port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65_535)) return;
  throw new EmbeddedPostgresError(`${port} is not a port: a whole number from 1 to 65535`);
}

async function checkTemporary(folder: string): Promise<void> {
  if ((await readdir(folder)).some((entry) => entry !== 'lock')) {
    throw new EmbeddedPostgresError(`the temporary data folder ${folder} is not empty`);
  }
}

/** Everything from the locked folder to a server that takes connections. */
async function bringUp(folder: string, options: EmbeddedPostgresOptions) {
  const { logger, port: wanted } = options;
  if (options.temporary) await checkTemporary(folder);
  const found = await findBinaries();
  const home = await openHome(folder);
  const orphan = await stopOrphan(home, found);
  if (orphan) logger.warn({ pid: orphan }, 'stopped the PostgreSQL that an earlier process left behind');
  if (wanted !== undefined) await freePort(wanted);
  const binaries = await reachableBinaries(found, home.path, home.account);
  const password = await openCluster(home, binaries, options.settings?.fsync !== false);
  const doomed = options.temporary ? [...new Set([home.path, folder])] : [];
  const log = join(folder, 'postgres.log');
  for (let attempt = 1; ; attempt += 1) {
    const watchdog = startWatchdog(doomed);
    try {
      const port = wanted ?? (await freePort(0));
      const settings = options.settings ?? {};
      const server = await launchServer(home, binaries, { port, settings, log, onLaunch: watchdog.guard });
      return { home, binaries, password, watchdog, server, port, log };
    } catch (error) {
      watchdog.dismiss();
      const again = error instanceof StillClosing || (error instanceof PortInUse && wanted === undefined);
      if (!again || attempt === START_ATTEMPTS) throw error;
      await sleep(300);
    }
  }
}

/** Also what the data folder links to. */
async function removeFolder(folder: string): Promise<void> {
  const home = await realpath(join(folder, 'postgres')).catch(() => folder);
  for (const path of new Set([home, folder])) await rm(path, { recursive: true, force: true });
}

/**
 * Starts PostgreSQL on a data folder, which is made at the first start and keeps its data for later ones.
 * The server does not see the terminal's Ctrl-C; it runs until `stop`, or until this process dies.
 * Throws EmbeddedPostgresError, one line for a person, when it cannot.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger } = options;
  checkPort(options.port);
  const folder = await prepareFolder(options.dataFolder);
  const unlock = await lockFolder(folder);
  const up = await bringUp(folder, options).catch(async (error: unknown) => {
    await unlock().catch(() => undefined);
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`the embedded PostgreSQL could not start in ${folder}: ${oneLine(error)}`, {
      cause: error,
    });
  });
  const { home, binaries, password, watchdog, server, port, log } = up;
  const unwatchLog = watchLog(log);
  const endYielding = haveYield(server.pid);
  let stopped: Promise<void> | undefined;

  const failed = new Promise<EmbeddedPostgresError>((resolve) => {
    void server.ended.then((reason) => {
      watchdog.dismiss();
      if (stopped !== undefined) return;
      resolve(new EmbeddedPostgresError(`the embedded PostgreSQL ended by itself (${reason}): its log is ${log}`));
    });
  });

  const stop = async (): Promise<void> => {
    unwatchLog();
    endYielding();
    const how = server.gone() ? 'fast' : await stopProcess(server.pid, server.gone, binaries, home, IMMEDIATE_LIMIT_MS);
    if (how !== 'fast') {
      logger.warn({ pid: server.pid, how }, 'PostgreSQL did not stop in time; the next start recovers its data');
    }
    if (how === 'running') watchdog.finish();
    else watchdog.dismiss();
    if (!options.temporary) await unlock();
    else if (how !== 'running') await removeFolder(folder);
  };

  const url = serverUrl(port, socketFolder(home.data));
  const urlFor = (database: string, role: string, secret: string): string => withLogin(url, database, role, secret);
  const adminUrl = urlFor('postgres', SUPERUSER, password);

  return {
    adminUrl,
    port,
    failed,
    urlFor,
    ensureDatabases: (list) => ensureDatabases(adminUrl, list),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
