import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DatabaseRequest, ensureDatabases, startEmbeddedPostgres } from './embedded/index.ts';
import { services } from './services.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Backing {
  /** Settings by which the services find what runs here. */
  readonly environment: Environment;
  stop(): Promise<void>;
  /** Resolves with the reason when it has ended by itself. */
  readonly failed: Promise<Error>;
}

const BUS = 'bus';
const BUS_ROLE = 'weft_bus';
const databaseOf = (service: string): string => `weft_${service}`;

/**
 * What the services stand on: PostgreSQL with a database and a role a service, and the bus. It is the server at DATABASE_URL
 * where that is set (its role must be able to create databases and roles), else PostgreSQL itself, started on the data folder.
 */
export async function startBacking(dataFolder: string, environment: Environment): Promise<Backing> {
  const quiet = { info: () => {}, warn: toStderr, error: toStderr };
  const embedded = environment.DATABASE_URL ? undefined : await startEmbeddedPostgres({ dataFolder, logger: quiet });
  const adminUrl = embedded?.adminUrl ?? String(environment.DATABASE_URL);
  try {
    const names = services.map(({ spec }) => spec.name);
    const passwords = await standingSecrets(join(dataFolder, 'roles.json'), [...names, BUS]);
    const admin = await standingSecrets(join(dataFolder, 'admin.json'), ['password'], { email: 'admin@weft.example' });
    const requests = names.map(
      (name): DatabaseRequest => ({
        database: databaseOf(name),
        role: databaseOf(name),
        password: passwords[name] ?? '',
      }),
    );
    const bus = { database: BUS, role: BUS_ROLE, password: passwords[BUS] ?? '' };
    await ensureDatabases(adminUrl, [...requests, bus]);
    const urls = requests.map(({ database, role, password }, index): [string, string] => [
      `${names[index]?.toUpperCase()}_DATABASE_URL`,
      withLogin(adminUrl, database, role, password),
    ]);
    const busUrl = withLogin(adminUrl, bus.database, bus.role, bus.password);
    const { email = '', password = '' } = admin;
    return {
      environment: {
        USERS_ADMIN_EMAIL: email,
        USERS_ADMIN_PASSWORD: password,
        BUS_DATABASE_URL: busUrl,
        ...Object.fromEntries(urls),
      },
      stop: async () => embedded?.stop(),
      failed: embedded?.failed ?? new Promise(() => {}),
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** Random secrets by name, made once and kept in a file that only its owner reads. */
async function standingSecrets(
  path: string,
  names: readonly string[],
  fixed: Record<string, string> = {},
): Promise<Record<string, string>> {
  const standing = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}) as Record<string, string>,
  );
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

function withLogin(adminUrl: string, database: string, role: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = password;
  url.pathname = `/${database}`;
  return url.href;
}

function toStderr(_fields: object, message: string): void {
  process.stderr.write(`weft: ${message}\n`);
}
