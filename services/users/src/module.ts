import { defineService, periodic } from '@weft/kit/module';
import { ensureAdmin } from './app/ensure-admin.ts';
import { keepKeysYoung } from './app/rotate-signing-keys.ts';
import { adminOf, settings } from './config.ts';
import { createKeyRing } from './crypto/key-ring.ts';
import { createPasswords } from './crypto/passwords.ts';
import { refreshTokens } from './crypto/refresh-tokens.ts';
import { createTokens, newSigningKey } from './crypto/tokens.ts';
import { published } from './events/to-event.ts';
import { forgetExpired } from './store/forget.ts';
import { migrations } from './store/migrations.ts';
import type { UsersSchema } from './store/schema.ts';
import { keyStore } from './store/signing-keys.ts';
import { usersStore } from './store/users-store.ts';
import { usersHandlers } from './transport/handlers.ts';

const FORGET_EVERY_MS = 60_000;
const LONGEST_KEYS_POLL_MS = 5_000;

export const users = defineService<typeof settings, UsersSchema>({
  name: 'users',
  needs: [],
  settings,
  migrations,
  publishes: published,
  create({ config, database, logger, now, newId }) {
    const admin = adminOf(config);
    const { issuer, audience, tokenTtlSeconds: ttlSeconds } = config;
    const leadMs = config.keyLeadSeconds * 1000;
    const times = { leadMs, rotateEveryMs: config.keyRotationHours * 3_600_000, tokenMs: ttlSeconds * 1000 };
    const signingKeys = createKeyRing(keyStore({ database, make: newSigningKey, leadMs, now }), times, now);
    const app = {
      store: usersStore(database),
      passwords: createPasswords(),
      tokens: createTokens(signingKeys, { issuer, audience, ttlSeconds }),
      refreshTokens,
      sessionMs: config.sessionTtlSeconds * 1000,
      signingKeys,
      now,
      newId,
    };
    const keepKeys = async () => {
      await keepKeysYoung(signingKeys, times, now);
      await signingKeys.refresh();
    };
    // Every process has read a new key several times over before it signs.
    const keysPollMs = Math.min(LONGEST_KEYS_POLL_MS, leadMs / 4);
    return {
      async open() {
        await signingKeys.refresh();
        if (admin) await ensureAdmin(app, admin);
      },
      grpc: [usersHandlers(app)],
      routes: { '/.well-known/jwks.json': async () => signingKeys.jwks() },
      workers: [
        periodic(keysPollMs, keepKeys, (err) => logger.warn({ err }, 'signing keys could not be read')),
        periodic(
          FORGET_EVERY_MS,
          () => forgetExpired(database, now()),
          (err) => logger.warn({ err }, 'what is expired could not be removed'),
        ),
      ],
    };
  },
});
