import type { Generated } from 'kysely';
import type { Role } from '../domain/user.ts';

export interface UsersSchema {
  /** Columns of a person are null once it is deleted. */
  account: {
    user_id: string;
    email: string | null;
    email_key: string | null;
    full_name: string | null;
    password_hash: string | null;
    roles: Role[];
    version: bigint;
    created_at: Date;
    updated_at: Date;
    deleted_at: Date | null;
  };
  /** Refresh tokens by their hashes: the one that is good and the one before. */
  session: {
    session_id: string;
    user_id: string;
    handle_hash: Uint8Array;
    secret_hash: Uint8Array;
    spent_hash: Uint8Array | null;
    salt: Uint8Array | null;
    opened_at: Date;
    rotated_at: Date;
    expires_at: Date;
  };
  /** By SHA-256 of the address; forgotten after an hour. */
  failed_login: { email_hash: Uint8Array; failures: number; last_at: Date; locked_until: Date | null };
  /** Private keys as JWK; number 1 is made at the first start. */
  signing_key: { number: number; jwk: object; created_at: Generated<Date>; signs_from: Generated<Date> };
}
