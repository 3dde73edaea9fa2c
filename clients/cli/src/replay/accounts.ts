import { createHmac } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { RemoteError } from '@weft/kit/rpc';
import { CommandFailure } from '../shop/failure.ts';
import { eachBounded } from '../system/bounded.ts';
import type { Clients } from '../system/clients.ts';
import { type Patience, persist } from '../system/patience.ts';
import { type Credentials, type Session, signIn } from '../system/session.ts';

/** Hashing a password takes a core for a while: more at once only wait for each other. */
const AT_ONCE = 4;

/** The account of a customer of the file; the same one in every replay with the same administrator. */
export function credentialsOf(customer: string, admin: Credentials): Credentials {
  const password = createHmac('sha256', admin.password).update(`weft replay ${customer}`).digest('base64url');
  return { email: `customer-${customer.toLowerCase()}@shop.example`, password };
}

/** Signs every customer in, registering those who have no account yet. */
export async function openAccounts(
  users: Clients['users'],
  customers: readonly string[],
  admin: Credentials,
  patience: Patience,
  onOpened: () => void,
): Promise<Map<string, Session>> {
  const sessions = new Map<string, Session>();
  await eachBounded(customers, AT_ONCE, async (customer) => {
    const credentials = credentialsOf(customer, admin);
    await register(users, { ...credentials, fullName: `Customer ${customer}` }, patience);
    sessions.set(customer, await enter(users, credentials, patience));
    onOpened();
  });
  return sessions;
}

async function register(
  users: Clients['users'],
  account: Credentials & { fullName: string },
  patience: Patience,
): Promise<void> {
  try {
    await persist(patience, () => users.register({ ...account }));
  } catch (error) {
    // Also what a second attempt gets when the answer to the first was lost.
    if (!(error instanceof RemoteError && error.reason === 'EMAIL_TAKEN')) throw error;
  }
}

async function enter(users: Clients['users'], credentials: Credentials, patience: Patience): Promise<Session> {
  try {
    return await signIn(users, credentials, patience);
  } catch (error) {
    if (!(error instanceof RemoteError && error.code === status.UNAUTHENTICATED)) throw error;
    throw new CommandFailure(
      `${credentials.email} was registered with another password: its password follows from the administrator's, which has changed`,
    );
  }
}
