import type { Account, ChangedField, User } from '../domain/user.ts';

/** What happened, to be published with the state that it changed. */
export type UserEvent =
  | { readonly type: 'registered'; readonly user: User }
  | { readonly type: 'updated'; readonly user: User; readonly fields: readonly ChangedField[] }
  | { readonly type: 'deleted'; readonly user: User };

/** One transaction of users. */
export interface UsersTransaction {
  /** Locked until the end of the transaction. */
  account(userId: string): Promise<Account | undefined>;
  /** The account of an address. Both are locked until the end of the transaction; the address also when it has none. */
  accountOf(email: string): Promise<Account | undefined>;
  /** The address has to be locked and free. */
  insert(account: Account): Promise<void>;
  /** A new address has to be locked and free. */
  save(account: Account): Promise<void>;
  publish(event: UserEvent): void;
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
