import { status } from '@grpc/grpc-js';
import { RemoteError } from '@weft/kit/rpc';
import { fromTimestamp } from '@weft/kit/time';
import type { Clients } from './clients.ts';
import { type Patience, persist } from './patience.ts';

/** Somebody who is signed in, for as long as it takes: tokens are renewed before they expire. */
export interface Session {
  readonly userId: string;
  token(): Promise<string>;
  /** The token in use is no longer taken: the next one is a new one. */
  drop(token: string): void;
  /** Does work with a token, again while its failures pass, and once more with a new token when it is refused. */
  call<T>(work: (token: string) => Promise<T>): Promise<T>;
}

const SPARE_MS = 60_000;

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Signs in. Throws RemoteError (BAD_CREDENTIALS) when the address or password is wrong. */
export async function signIn(users: Clients['users'], credentials: Credentials, patience: Patience): Promise<Session> {
  let userId = '';
  let renewal: Promise<string> | undefined;
  let current: string | undefined;
  let expires = 0;

  const login = async (): Promise<string> => {
    const answer = await persist(patience, () => users.login({ ...credentials }));
    userId = answer.user?.userId ?? '';
    expires = answer.expireTime ? fromTimestamp(answer.expireTime).getTime() : 0;
    current = answer.accessToken;
    return current;
  };
  const token = async (): Promise<string> => {
    if (current !== undefined && Date.now() < expires - SPARE_MS) return current;
    renewal ??= login().finally(() => {
      renewal = undefined;
    });
    return renewal;
  };
  const drop = (refused: string) => {
    if (refused === current) current = undefined;
  };
  await token();
  return {
    get userId() {
      return userId;
    },
    token,
    drop,
    call: (work) => {
      let renewed = false;
      return persist(patience, async () => {
        for (;;) {
          const used = await token();
          try {
            return await work(used);
          } catch (error) {
            if (renewed || !isRefused(error)) throw error;
            renewed = true;
            drop(used);
          }
        }
      });
    },
  };
}

/** The token was not accepted. */
export function isRefused(error: unknown): boolean {
  return error instanceof RemoteError && error.code === status.UNAUTHENTICATED;
}
