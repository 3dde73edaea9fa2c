import pg from 'pg';
import { EmbeddedPostgresError, oneLine } from './errors.ts';
import { scramVerifier, verifierFits } from './scram.ts';

export interface DatabaseRequest {
  readonly database: string;
  readonly role: string;
  /** Printable ASCII. */
  readonly password: string;
}

const CONNECTIONS = 2;
const CONNECT_LIMIT_MS = 5_000;
const STATEMENT_LIMIT_MS = 30_000;

const name = pg.escapeIdentifier;
const text = pg.escapeLiteral;

interface Existing {
  readonly database: string;
  readonly owner: string;
  readonly open: boolean;
}

/** Passwords by role and roles by database, the owner first. */
function arrange(requests: readonly DatabaseRequest[]) {
  const passwords = new Map<string, string>();
  const databases = new Map<string, Set<string>>();
  for (const { database, role, password } of requests) {
    for (const given of [database, role]) {
      if (given === '' || Buffer.byteLength(given) > 63 || given.includes('\0')) {
        throw new EmbeddedPostgresError(`"${given}" cannot be the name of a database or role: 1 to 63 bytes`);
      }
    }
    if (!/^[\x20-\x7e]+$/.test(password)) {
      throw new EmbeddedPostgresError(`the password of role ${role} must be printable ASCII`);
    }
    if ((passwords.get(role) ?? password) !== password) {
      throw new EmbeddedPostgresError(`the role ${role} is asked for with two passwords`);
    }
    passwords.set(role, password);
    databases.set(database, (databases.get(database) ?? new Set()).add(role));
  }
  return { passwords, databases };
}

async function roleStatements(client: pg.Client, passwords: ReadonlyMap<string, string>): Promise<string[]> {
  const found = await client.query<{ rolname: string; rolpassword: string | null }>(
    'SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY($1)',
    [[...passwords.keys()]],
  );
  const verifiers = new Map(found.rows.map((row) => [row.rolname, row.rolpassword]));
  const statements = await Promise.all(
    [...passwords].map(async ([role, password]) => {
      const verifier = verifiers.get(role);
      if (verifier !== undefined && (await verifierFits(verifier, password))) return [];
      const verb = verifier === undefined ? 'CREATE' : 'ALTER';
      return [`${verb} ROLE ${name(role)} LOGIN PASSWORD ${text(await scramVerifier(password))}`];
    }),
  );
  return statements.flat();
}

async function existingDatabases(client: pg.Client): Promise<Map<string, Existing>> {
  const { rows } = await client.query<Existing>(
    `SELECT datname AS database, pg_get_userbyid(datdba) AS owner,
            datacl IS NULL OR EXISTS (SELECT FROM aclexplode(datacl) WHERE grantee = 0) AS open
     FROM pg_database WHERE datallowconn`,
  );
  return new Map(rows.map((row) => [row.database, row]));
}

function accessStatements(
  databases: ReadonlyMap<string, ReadonlySet<string>>,
  existing: ReadonlyMap<string, Existing>,
): string[] {
  const statements: string[] = [];
  for (const [database, roles] of databases) {
    const [owner, ...guests] = roles;
    const found = existing.get(database);
    if (found && owner && found.owner !== owner)
      statements.push(`ALTER DATABASE ${name(database)} OWNER TO ${name(owner)}`);
    if (guests.length > 0) {
      statements.push(`GRANT CONNECT ON DATABASE ${name(database)} TO ${guests.map(name).join(', ')}`);
    }
  }
  const asked = [...databases.keys()].filter((database) => existing.get(database)?.open ?? true);
  const ours = [...existing.values()].filter((found) => found.open && !databases.has(found.database));
  const open = [...asked, ...ours.map((found) => found.database)];
  if (open.length > 0) statements.push(`REVOKE ALL ON DATABASE ${open.map(name).join(', ')} FROM PUBLIC`);
  return statements;
}

async function createDatabases(
  clients: readonly pg.Client[],
  missing: readonly (readonly [string, string])[],
): Promise<void> {
  const queue = [...missing];
  await Promise.all(
    clients.map(async (client) => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [database, owner] = next;
        await client.query(
          `CREATE DATABASE ${name(database)} OWNER ${name(owner)} TEMPLATE template0 STRATEGY wal_log`,
        );
      }
    }),
  );
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: STATEMENT_LIMIT_MS,
    application_name: 'weft-embedded',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/**
 * Makes each role reach its databases with its password, and no other database. The first role that a database is
 * listed with owns it, the others may connect. What is already so is left alone.
 */
export async function ensureDatabases(adminUrl: string, requests: readonly DatabaseRequest[]): Promise<void> {
  const { passwords, databases } = arrange(requests);
  const clients: pg.Client[] = [];
  try {
    const client = await connect(adminUrl);
    clients.push(client);
    const [roles, existing] = [await roleStatements(client, passwords), await existingDatabases(client)];
    if (roles.length > 0) await client.query(roles.join('; '));
    const missing = [...databases].flatMap(([database, [owner]]) =>
      existing.has(database) || owner === undefined ? [] : [[database, owner] as const],
    );
    while (clients.length < Math.min(CONNECTIONS, missing.length)) clients.push(await connect(adminUrl));
    await createDatabases(clients, missing);
    const access = accessStatements(databases, existing);
    if (access.length > 0) await client.query(access.join('; '));
  } catch (error) {
    throw new EmbeddedPostgresError(`the databases could not be prepared: ${oneLine(error)}`, { cause: error });
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}
