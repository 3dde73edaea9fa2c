import { DomainError } from '@weft/kit/failure';

export class EmailTaken extends DomainError {
  constructor() {
    super('already-exists', 'EMAIL_TAKEN', 'the address has an account');
  }
}

/** The same for an unknown address, a deleted account and a wrong password. */
export class BadCredentials extends DomainError {
  constructor() {
    super('unauthenticated', 'BAD_CREDENTIALS', 'the address or the password is wrong');
  }
}

export class UserNotFound extends DomainError {
  constructor(userId: string) {
    super('not-found', 'USER_NOT_FOUND', 'there is no such account', { user_id: userId });
  }
}

export class UserDeleted extends DomainError {
  constructor(userId: string) {
    super('failed-precondition', 'USER_DELETED', 'the account is deleted', { user_id: userId });
  }
}

export class VersionMismatch extends DomainError {
  constructor(userId: string, version: bigint) {
    super('aborted', 'VERSION_MISMATCH', 'the account has changed since', {
      user_id: userId,
      version: String(version),
    });
  }
}

/** The same whether the address has an account or not. */
export class LoginLocked extends DomainError {
  constructor(retryAfterSeconds: number) {
    const metadata = { retry_after_seconds: String(retryAfterSeconds) };
    super(
      'resource-exhausted',
      'LOGIN_LOCKED',
      'too many wrong passwords; try again later',
      metadata,
      retryAfterSeconds,
    );
  }
}

/** The same for a refresh token that is unknown, spent or expired. */
export class RefreshTokenInvalid extends DomainError {
  constructor() {
    super('unauthenticated', 'REFRESH_TOKEN_INVALID', 'the refresh token is not valid; sign in again');
  }
}
