import { ConfigError, type ConfigOf, type Setting, setting } from '@weft/kit/config';
import type { Credentials } from './app/check-password.ts';

/** A secret text that may be left out. Not even the address is shown: it is a person's. */
function optional(name: string, rule: RegExp, description: string): Setting<string> {
  const parse = (text: string) => {
    if (!rule.test(text)) throw new Error(description);
    return text;
  };
  return { name, parse, fallback: '', secret: true };
}

export const settings = {
  adminEmail: optional(
    'ADMIN_EMAIL',
    /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$/,
    'must be an e-mail address',
  ),
  adminPassword: optional('ADMIN_PASSWORD', /^.{8,128}$/su, 'must have 8 to 128 characters'),
  tokenTtlSeconds: setting.integer('TOKEN_TTL_SECONDS', { low: 1, high: 86_400 }, { fallback: 900 }),
  sessionTtlSeconds: setting.integer('SESSION_TTL_SECONDS', { low: 1, high: 366 * 86_400 }, { fallback: 30 * 86_400 }),
  keyRotationHours: setting.integer('KEY_ROTATION_HOURS', { low: 0, high: 87_600 }, { fallback: 720 }),
  keyLeadSeconds: setting.integer('KEY_LEAD_SECONDS', { low: 1, high: 86_400 }, { fallback: 300 }),
};

export type UsersConfig = ConfigOf<typeof settings>;

/** The account that administers the shop, if there is to be one. Throws a ConfigError when half of it is set. */
export function adminOf({ adminEmail: email, adminPassword: password }: UsersConfig): Credentials | undefined {
  if (email !== '' && password !== '') return { email, password };
  if (email === '' && password === '') return undefined;
  const missing = email === '' ? 'ADMIN_EMAIL' : 'ADMIN_PASSWORD';
  throw new ConfigError([`USERS_${missing} is required: ADMIN_EMAIL and ADMIN_PASSWORD go together`]);
}
