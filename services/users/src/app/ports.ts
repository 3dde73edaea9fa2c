import type { FailedLogins } from '../domain/lockout.ts';
import type { EndedSession, Session, SessionSecrets } from '../domain/session.ts';
import type { SigningKey } from '../domain/signing-key.ts';
import type { Account, ChangedField, User } from '../domain/user.ts';

/** What happened, to be published with the state that it changed. */
export type UserEvent =
  | { readonly type: 'registered'; readonly user: User }
  | { readonly type: 'updated'; readonly user: User; readonly fields: readonly ChangedField[] }
  | { readonly type: 'deleted'; readonly user: User }
  | { readonly type: 'locked-out'; readonly user: User; readonly failed: FailedLogins }
  | { readonly type: 'session-opened'; readonly session: Session }
  | { readonly type: 'session-revoked'; readonly ended: EndedSession }
  | { readonly type: 'signing-key-rotated'; readonly key: SigningKey };

/** One transaction of users. */
export interface UsersTransaction {
  /** Locked until the end of the transaction. */
  account(userId: string): Promise<Account | undefined>;
  /** Not locked. */
  readAccount(userId: string): Promise<Account | undefined>;
  /** The account of an address. Both are locked until the end of the transaction; the address also when it has none. */
  accountOf(email: string): Promise<Account | undefined>;
  /** The address has to be locked and free. */
  insert(account: Account): Promise<void>;
  /** A new address has to be locked and free. */
  save(account: Account): Promise<void>;
  /** Locked until the end of the transaction; both undefined where nobody has this token. */
  sessionOf(handleHash: Uint8Array): Promise<StoredSession | undefined>;
  insertSession(session: Session, handleHash: Uint8Array, secretHash: Uint8Array): Promise<void>;
  rotateSession(sessionId: string, secrets: StoredSecrets): Promise<void>;
  /** Removes a person's sessions but the newest `keep`; gives those that had not expired. */
  removeSessions(userId: string, keep: number, now: Date): Promise<Session[]>;
  /** False when it is gone already. */
  removeSession(sessionId: string): Promise<boolean>;
  /** The address is locked until the end of the transaction. */
  failedLogins(email: string): Promise<FailedLogins | undefined>;
  saveFailedLogins(email: string, failed: FailedLogins): Promise<void>;
  forgetFailedLogins(email: string): Promise<void>;
  publish(event: UserEvent): void;
}

export interface StoredSecrets extends SessionSecrets {
  /** Of the last exchange. */
  readonly salt: Uint8Array | undefined;
}

export interface StoredSession {
  readonly session: Session;
  readonly secrets: StoredSecrets;
}

/** Where a user stands in the list. */
export interface UserPosition {
  readonly createdAt: Date;
  readonly userId: string;
}

export interface UserFilter {
  readonly after: UserPosition | undefined;
  readonly showDeleted: boolean;
  readonly limit: number;
}

export interface UsersStore {
  transaction<T>(work: (tx: UsersTransaction) => Promise<T>): Promise<T>;
  find(userId: string): Promise<User | undefined>;
  findAccount(email: string): Promise<Account | undefined>;
  findFailedLogins(email: string): Promise<FailedLogins | undefined>;
  /** Oldest first. */
  list(filter: UserFilter): Promise<User[]>;
}

/** Throws RESOURCE_EXHAUSTED (TOO_BUSY) when too many passwords are waiting; stops waiting when the signal fires. */
export interface Passwords {
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** False without a hash, after the same time as with one. */
  matches(passwordHash: string | undefined, password: string, signal?: AbortSignal): Promise<boolean>;
}

export interface AccessToken {
  readonly text: string;
  readonly expiresAt: Date;
}

export interface Tokens {
  /** `tokenId` is unique to the token. */
  issue(user: User, tokenId: string, now: Date): Promise<AccessToken>;
}

interface NextToken {
  readonly text: string;
  readonly secretHash: Uint8Array;
}

export interface RefreshTokens {
  first(): NextToken & { readonly handleHash: Uint8Array };
  /** Undefined for what is no refresh token by its form. */
  parse(text: string):
    | {
        readonly handleHash: Uint8Array;
        readonly secretHash: Uint8Array;
        /** The token that follows: the same for the same key and salt. */
        next(key: string, salt: Uint8Array): NextToken;
      }
    | undefined;
  newSalt(): Uint8Array;
  /** Takes the same time wherever they differ. */
  same(one: Uint8Array, other: Uint8Array): boolean;
}

export interface SigningKeys {
  /** Newest first. */
  all(): Promise<readonly [SigningKey, ...SigningKey[]]>;
  /** The key that waits to sign, made now unless there is one. */
  rotate(): Promise<SigningKey>;
}
