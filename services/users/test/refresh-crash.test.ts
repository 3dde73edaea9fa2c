import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { UsersServiceService } from '@weft/gen/grpc/weft/users/v1/users';
import { bootProcesses, eventually, refusal } from '@weft/kit/testing';
import { PASSWORD } from './fixture.ts';

it('a process that is killed before or after it saves an exchange costs nobody the session', async () => {
  const main = join(import.meta.dirname, '../src/main.ts');
  const booted = await bootProcesses([{ services: ['users'], main }]);
  try {
    const client = await booted.client(UsersServiceService, UsersService);
    const email = 'crashed@people.example';
    await client.register({ email, fullName: 'Crashed', password: PASSWORD });
    let { refreshToken } = await client.login({ email, password: PASSWORD });
    for (const point of ['users.commit.begun', 'users.commit.done']) {
      await booted.kill('users');
      await booted.start('users', `${point}:exit`);
      await booted.reconnected();
      const idempotencyKey = randomUUID();
      expect((await refusal(client.refreshToken({ refreshToken, idempotencyKey }))).code).toBe(14);
      await eventually(() => !booted.runs('users'));
      await booted.start('users');
      await booted.reconnected();
      ({ refreshToken } = await client.refreshToken({ refreshToken, idempotencyKey }));
    }
    await client.refreshToken({ refreshToken, idempotencyKey: randomUUID() });
  } finally {
    await booted.stop();
  }
}, 60_000);
