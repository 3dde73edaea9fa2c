import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openPostgresBus } from '@weft/kit/events';
import { createLogger } from '@weft/kit/telemetry';
import { eventually, freePort, type TestDatabase, testDatabase } from '@weft/kit/testing';
import { newsOf, startUsersStub, type UsersStub } from './fixture.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

let server: MailServer;
let users: UsersStub;
let database: TestDatabase;
let bus: TestDatabase;
let child: ChildProcess | undefined;
beforeAll(async () => {
  server = await startMailServer();
  users = await startUsersStub();
  [database, bus] = await Promise.all([testDatabase('notifications'), testDatabase('bus')]);
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await server.stop();
  await users.stop();
  await Promise.all([database.drop(), bus.drop()]);
});

/** Notifications in a process of its own, as a pod runs it. */
async function start(): Promise<ChildProcess> {
  const env = {
    ...process.env,
    LOG_LEVEL: 'warn',
    OPS_PORT: '0',
    GRPC_PORT: String(await freePort()),
    DATABASE_URL: database.url,
    BUS_DATABASE_URL: bus.url,
    IDENTITY_JWKS_URL: 'http://127.0.0.1:9/jwks.json',
    USERS_TARGET: users.target,
    SMTP_URL: server.url,
  };
  return spawn(process.execPath, [MAIN], { env, stdio: 'ignore' });
}

const rows = () => database.query<{ status: string; attempts: number }>('SELECT status, attempts FROM notification');

it('a process that is killed when the server has taken its mail sends it again with the same Message-ID', async () => {
  const email = `${randomUUID()}@people.example`;
  const userId = randomUUID();
  users.accounts.set(userId, { email, fullName: 'Ford Prefect' });
  server.control.taken = async () => {
    child?.kill('SIGKILL');
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  child = await start();
  const logger = createLogger({ level: 'silent', pretty: false });
  const events = openPostgresBus({ url: bus.url, name: 'test', logger });
  const { placed } = newsOf(userId, randomUUID());
  await events.publish([placed]);
  await eventually(() => server.of(email).length === 1, 20_000);
  await eventually(() => child?.signalCode === 'SIGKILL');
  expect(await rows()).toEqual([{ status: 'pending', attempts: 1 }]);

  server.control.taken = async () => {};
  // As if the time had passed for which nobody else takes it.
  await database.query('UPDATE notification SET next_attempt_at = now()');
  child = await start();
  await eventually(async () => (await rows())[0]?.status === 'sent', 20_000);
  expect(server.of(email).map(({ messageId }) => messageId)).toEqual([
    `<${placed.id}.email@weft.example>`,
    `<${placed.id}.email@weft.example>`,
  ]);
  await events.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
});
