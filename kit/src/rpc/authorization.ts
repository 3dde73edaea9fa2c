import { DomainError } from '../failure/index.ts';
import type { User } from './context.ts';
import type { MethodContract } from './contract.ts';

/**
 * Lets a call pass when its contract admits the service that calls or the user that it is for. Throws UNAUTHENTICATED
 * (TOKEN_REQUIRED) when a user might be admitted but there is none, PERMISSION_DENIED (NOT_ALLOWED) otherwise.
 */
export function authorize(method: MethodContract, caller: string | undefined, user: User | undefined): void {
  if (method.roles.has('public')) return;
  if (caller !== undefined && method.callers.has(caller)) return;
  if (user?.roles.some((role) => method.roles.has(role))) return;
  if (!user && method.roles.size > 0) {
    throw new DomainError('unauthenticated', 'TOKEN_REQUIRED', 'this method needs an access token');
  }
  throw new DomainError('permission-denied', 'NOT_ALLOWED', 'the caller may not use this method');
}
