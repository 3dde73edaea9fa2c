import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Environment } from '@weft/kit/config';
import {
  type DatabaseRequest,
  ensureDatabases,
  findEmbeddedPostgres,
  startEmbeddedPostgres,
  withLogin,
} from './embedded/index.ts';
import { nameOf } from './environment.ts';

export interface Backing {
  /** Settings by which the services find what runs here. */
  readonly environment: Environment;
  stop(): Promise<void>;
  /** Resolves with the reason when it has ended by itself. */
  readonly failed: Promise<Error>;
}

const BUS = 'bus';
const databaseOf = (service: string): string => (service === BUS ? BUS : `weft_${service}`);
const roleOf = (service: string): string => `weft_${service}`;
const settingOf = (service: string): string => `${nameOf(service)}_DATABASE_URL`;
const never = new Promise<never>(() => {});

/**
 * What services stand on: PostgreSQL with a database and a role a service, and one of the bus unless NATS_URL names a broker. It is the server at DATABASE_URL
 * where that is set (its role must be able to create databases and roles), else PostgreSQL itself, started on the data
 * folder. Where every service's own database is set, it is nothing.
 */
export async function startBacking(
  services: readonly string[],
  dataFolder: string,
  environment: Environment,
): Promise<Backing> {
  const names = databasesOf(services, environment);
  if (isComplete(names, environment)) return given(dataFolder, environment);
  const quiet = { info: () => {}, warn: toStderr, error: toStderr };
  const embedded = environment.DATABASE_URL ? undefined : await startEmbeddedPostgres({ dataFolder, logger: quiet });
  const adminUrl = embedded?.adminUrl ?? String(environment.DATABASE_URL);
  try {
    const passwords = await standingSecrets(rolesFile(dataFolder), names);
    const requests = names.map(
      (name): DatabaseRequest => ({ database: databaseOf(name), role: roleOf(name), password: passwords[name] ?? '' }),
    );
    await ensureDatabases(adminUrl, requests);
    return {
      environment: { ...(await administrator(dataFolder, environment)), ...databaseUrls(adminUrl, names, passwords) },
      stop: async () => embedded?.stop(),
      failed: embedded?.failed ?? never,
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/**
 * What some of the services stand on: as above, but where PostgreSQL would have to be started, it is the one that another
 * process runs on the data folder. Throws when there is none, saying what to do.
 */
export async function joinBacking(
  services: readonly string[],
  dataFolder: string,
  environment: Environment,
): Promise<Backing> {
  const names = databasesOf(services, environment);
  if (environment.DATABASE_URL || isComplete(names, environment))
    return startBacking(services, dataFolder, environment);
  const server = await findEmbeddedPostgres(dataFolder);
  const passwords = await readSecrets(rolesFile(dataFolder));
  if (server === undefined || names.some((name) => !passwords[name])) {
    throw new Error(
      `TARGET=${services.join(',')} needs a database: start Weft on ${dataFolder} first (npm start), ` +
        `or set DATABASE_URL, or ${names.map(settingOf).join(' and ')}`,
    );
  }
  return {
    environment: { ...(await administrator(dataFolder, environment)), ...databaseUrls(server, names, passwords) },
    stop: async () => {},
    failed: never,
  };
}

/** Who has a database: the services, and the bus where there is no broker. */
function databasesOf(services: readonly string[], environment: Environment): readonly string[] {
  return environment.NATS_URL ? services : [...services, BUS];
}

function isComplete(names: readonly string[], environment: Environment): boolean {
  return names.every((name) => environment[settingOf(name)]);
}

async function given(dataFolder: string, environment: Environment): Promise<Backing> {
  return { environment: await administrator(dataFolder, environment), stop: async () => {}, failed: never };
}

function databaseUrls(
  server: string,
  names: readonly string[],
  passwords: Readonly<Record<string, string>>,
): Environment {
  return Object.fromEntries(
    names.map((name) => [settingOf(name), withLogin(server, databaseOf(name), roleOf(name), passwords[name] ?? '')]),
  );
}

const rolesFile = (dataFolder: string): string => join(dataFolder, 'roles.json');

/** Made at the first start, where none is set. */
async function administrator(dataFolder: string, environment: Environment): Promise<Environment> {
  if (environment.USERS_ADMIN_EMAIL && environment.USERS_ADMIN_PASSWORD) return {};
  const standing = await standingSecrets(join(dataFolder, 'admin.json'), ['password'], { email: 'admin@weft.example' });
  const { email = '', password = '' } = standing;
  return { USERS_ADMIN_EMAIL: email, USERS_ADMIN_PASSWORD: password };
}

function readSecrets(path: string): Promise<Record<string, string>> {
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}),
  );
}

/** Random secrets by name, made once and kept in a file that only its owner reads. */
async function standingSecrets(
  path: string,
  names: readonly string[],
  fixed: Record<string, string> = {},
): Promise<Record<string, string>> {
  const standing = await readSecrets(path);
  const missing = names.filter((name) => !standing[name]);
  if (missing.length === 0) return standing;
  const secrets = {
    ...fixed,
    ...standing,
    ...Object.fromEntries(missing.map((name) => [name, randomBytes(18).toString('base64url')])),
  };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return secrets;
}

function toStderr(_fields: object, message: string): void {
  process.stderr.write(`weft: ${message}\n`);
}
