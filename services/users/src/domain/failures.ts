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
