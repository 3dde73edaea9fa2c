import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Client, Code } from '@connectrpc/connect';
import type { LoginResponse, RefreshTokenResponse, User, UsersService } from '@weft/gen/es/weft/users/v1/users_pb';
import { failureOf } from './failure.ts';
import { type Patience, within } from './waiting.ts';

/** What keeps somebody signed in. Whoever has it is them: keep it where nobody else reads. */
export interface Tokens {
  readonly userId: string;
  readonly accessToken: string;
  /** Epoch milliseconds, by the server's clock. */
  readonly expires: number;
  readonly refreshToken: string;
  /** Of an exchange that was begun: it is ended with the same key, also after a restart. */
  readonly exchangeKey?: string;
}

/** Where tokens are kept between runs, or between the tabs of a browser. */
export interface TokenStore {
  load(): Promise<Tokens | undefined>;
  /** Undefined: nobody is signed in. */
  save(tokens: Tokens | undefined): Promise<void>;
}

export interface Session {
  /** Opens a session. Throws WeftError (BAD_CREDENTIALS, LOGIN_LOCKED). */
  signIn(credentials: { readonly email: string; readonly password: string }): Promise<User>;
  /** Ends it here and at the server; here also when the server cannot be reached. */
  signOut(options?: { readonly everywhere?: boolean }): Promise<void>;
  /**
   * A token to call with; undefined when nobody is signed in. Renewed ahead of its end, once however many ask. As long as the one
   * that there is has not ended, it is given where no other can be had, or not in half the time.
   */
  token(patience?: Patience): Promise<string | undefined>;
  /** A token was refused: the next one is another. */
  drop(token: string): void;
  /** Who is signed in, as far as it is known here. */
  readonly userId: string | undefined;
}

export interface SessionOptions {
  readonly store?: TokenStore;
  /** Called when the server ends the session: it expired, or was ended elsewhere. */
  readonly onSignedOut?: () => void;
  /** Epoch milliseconds; for tests. */
  readonly now?: () => number;
}

/** So long before its end a token is renewed, for clocks that differ and calls that take their time. */
const SPARE_MS = 30_000;
const LOCK = 'weft-session';

const newKey = (): string => crypto.randomUUID();

/** @param users a client whose calls are sent without a token */
export function createSession(users: Client<typeof UsersService>, options: SessionOptions): Session {
  const { store, onSignedOut, now = Date.now } = options;
  let tokens: Tokens | undefined;
  let loaded = store === undefined;
  let renewal: Promise<string | undefined> | undefined;
  let dropped: string | undefined;

  const keep = async (next: Tokens | undefined) => {
    tokens = next;
    await store?.save(next);
  };
  const load = async () => {
    if (store) tokens = await store.load();
    loaded = true;
  };
  const isValid = ({ accessToken, expires }: Tokens, spare = 0) => accessToken !== dropped && now() < expires - spare;
  const isGood = (one: Tokens) => one.exchangeKey === undefined && isValid(one, SPARE_MS);

  async function exchange(): Promise<string | undefined> {
    // Another tab may have done it meanwhile.
    await load();
    if (!tokens || isGood(tokens)) return tokens?.accessToken;
    const exchangeKey = tokens.exchangeKey ?? newKey();
    await keep({ ...tokens, exchangeKey });
    try {
      const answer = await users.refreshToken({ refreshToken: tokens.refreshToken, idempotencyKey: exchangeKey });
      await keep(toTokens(answer));
      return answer.accessToken;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === Code.Unauthenticated) {
        await keep(undefined);
        onSignedOut?.();
      }
      throw failure;
    }
  }

  return {
    get userId() {
      return tokens?.userId;
    },
    async signIn(credentials) {
      const answer = await users.login(credentials);
      await renewal?.catch(() => undefined);
      await keep(toTokens(answer));
      loaded = true;
      return answer.user as User;
    },
    async signOut({ everywhere = false } = {}) {
      if (!loaded) await load();
      await renewal?.catch(() => undefined);
      const ending = tokens;
      await keep(undefined);
      if (ending) await users.logout({ refreshToken: ending.refreshToken, allSessions: everywhere });
    },
    async token({ timeoutMs, signal } = {}) {
      if (!loaded) await load();
      if (!tokens || isGood(tokens)) return tokens?.accessToken;
      renewal ??= alone(store !== undefined, exchange).finally(() => {
        renewal = undefined;
      });
      const half = isValid(tokens) && timeoutMs !== undefined ? timeoutMs / 2 : timeoutMs;
      try {
        return await within(renewal, { timeoutMs: half, signal });
      } catch (error) {
        // A refusal has ended the session: nothing is left of it.
        if (signal?.aborted || !tokens || !isValid(tokens)) throw error;
        return tokens.accessToken;
      }
    },
    drop(token) {
      dropped = token;
    },
  };
}

function toTokens({ accessToken, expireTime, refreshToken, user }: LoginResponse | RefreshTokenResponse): Tokens {
  const expires = expireTime ? timestampMs(expireTime) : 0;
  return { userId: user?.userId ?? '', accessToken, expires, refreshToken };
}

/** The tabs of a browser share what is stored: only one of them exchanges at a time. */
function alone<T>(shared: boolean, work: () => Promise<T>): Promise<T> {
  const locks = shared ? (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks : undefined;
  return locks ? locks.request(LOCK, work) : work();
}

interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}
