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
  /** Private keys as JWK; number 1 is made at the first start. */
  signing_key: { number: number; jwk: object };
}
