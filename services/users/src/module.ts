import { defineService } from '@weft/kit/module';
import { ensureAdmin } from './app/ensure-admin.ts';
import { adminOf, settings } from './config.ts';
import { createPasswords } from './crypto/passwords.ts';
import { createTokens, newSigningKey, publicKeys } from './crypto/tokens.ts';
import { published } from './events/to-event.ts';
import { migrations } from './store/migrations.ts';
import type { UsersSchema } from './store/schema.ts';
import { standingKeys } from './store/signing-keys.ts';
import { usersStore } from './store/users-store.ts';
import { usersHandlers } from './transport/handlers.ts';

export const users = defineService<typeof settings, UsersSchema>({
  name: 'users',
  needs: [],
  settings,
  migrations,
  publishes: published,
  async create({ config, database, now, newId }) {
    const admin = adminOf(config);
    const { issuer, audience, tokenTtlSeconds: ttlSeconds } = config;
    const keys = await standingKeys(database, newSigningKey);
    const tokens = await createTokens(keys[0], { issuer, audience, ttlSeconds });
    const app = { store: usersStore(database), passwords: await createPasswords(), tokens, now, newId };
    if (admin) await ensureAdmin(app, admin);
    const jwks = publicKeys(keys);
    return { grpc: [usersHandlers(app)], routes: { '/.well-known/jwks.json': async () => jwks } };
  },
});
