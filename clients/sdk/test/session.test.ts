import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createWeft, type Tokens, type Weft } from '../src/index.ts';
import { AWAY, CREDENTIALS, failure, refusal, standIn } from './stand-in.ts';

let server: Awaited<ReturnType<typeof standIn>>;
let weft: Weft;

beforeEach(async () => {
  server = await standIn();
  weft = createWeft({ transport: server.transport, retries: { delay: 1 } });
});

afterEach(() => server.stop());

describe('a session', () => {
  it('sends its token, but not to methods that are open to all', async () => {
    await weft.session.signIn(CREDENTIALS);
    await weft.orders.placeOrder({});
    await weft.users.register({});
    expect(server.seen.tokens).toEqual([null, 'Bearer access-1', null]);
    expect(weft.session.userId).toBe('u-1');
  });

  it('renews a token before it ends, once, however many calls wait for it', async () => {
    server.validFor(10_000);
    await weft.session.signIn(CREDENTIALS);
    server.validFor(900_000);
    await Promise.all(Array.from({ length: 20 }, () => weft.orders.placeOrder({})));
    expect(server.seen.exchanges).toBe(1);
    expect(server.seen.tokens.filter((token) => token === 'Bearer access-2')).toHaveLength(20);
  });

  it('renews a token that is refused, and makes the call once more with the same key', async () => {
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    await weft.orders.placeOrder({});
    const { keys, tokens, exchanges } = server.seen;
    expect(exchanges).toBe(1);
    expect(tokens.slice(1)).toEqual(['Bearer access-1', null, 'Bearer access-2']);
    expect(keys[3]).toBe(keys[1]);
  });

  it('is lost when the server has ended it, and says so once', async () => {
    let told = 0;
    const saved: (Tokens | undefined)[] = [];
    const store = {
      load: async () => saved.at(-1),
      save: async (tokens: Tokens | undefined) => void saved.push(tokens),
    };
    weft = createWeft({ transport: server.transport, store, onSignedOut: () => void told++ });
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    server.beforeExchange(() => {
      throw refusal(Code.Unauthenticated, 'REFRESH_TOKEN_INVALID');
    });
    const refused = await Promise.all([1, 2, 3].map(() => failure(weft.orders.placeOrder({}))));
    const reasons = new Set(refused.map(({ reason }) => reason));
    expect(reasons).toContain('REFRESH_TOKEN_INVALID');
    // Of a call that was refused when the session was lost already.
    expect(['REFRESH_TOKEN_INVALID', 'TOKEN_EXPIRED']).toEqual(expect.arrayContaining([...reasons]));
    expect([told, saved.at(-1), weft.session.userId]).toEqual([1, undefined, undefined]);
  });

  it('lasts while the server is away: the exchange is made later, with the same key', async () => {
    let stored: Tokens | undefined;
    const store = {
      load: async () => stored,
      save: async (tokens: Tokens | undefined) => {
        stored = tokens;
      },
    };
    weft = createWeft({ transport: server.transport, store, retries: { attempts: 1 } });
    await weft.session.signIn(CREDENTIALS);
    server.expire();
    server.beforeExchange(() => {
      throw AWAY();
    });
    expect((await failure(weft.orders.placeOrder({}))).code).toBe(Code.Unavailable);
    server.beforeExchange(() => undefined);
    // As after a restart: all that is left is what was stored.
    const again = createWeft({ transport: server.transport, store });
    await again.orders.placeOrder({});
    const exchangeKeys = server.seen.keys.filter((_, index) => server.seen.tokens[index] === null).slice(1);
    expect(exchangeKeys).toHaveLength(2);
    expect(exchangeKeys[0]).toBe(exchangeKeys[1]);
    expect(stored?.exchangeKey).toBeUndefined();
  });

  describe('whose token is about to end', () => {
    let skipped = 0;
    const keysOfExchanges = () => server.seen.keys.filter((_, index) => server.seen.tokens[index] === null).slice(1);
    const refuse = (failure: () => unknown) =>
      server.beforeExchange(() => {
        throw failure();
      });

    /** Exchanges are answered once what this gives is called. */
    const holdExchange = (onArrival = (): void => undefined) => {
      const held = Promise.withResolvers<void>();
      server.beforeExchange(() => {
        onArrival();
        return held.promise;
      });
      return held.resolve;
    };

    beforeEach(async () => {
      skipped = 0;
      weft = createWeft({ transport: server.transport, retries: { delay: 1 }, now: () => Date.now() + skipped });
      server.validFor(25_000);
      await weft.session.signIn(CREDENTIALS);
      server.validFor(900_000);
    });

    it.each([
      ['nobody is there', AWAY],
      ['there are too many', () => refusal(Code.ResourceExhausted, 'RATE_LIMITED')],
    ])('goes on with it while it cannot be renewed because %s, and renews it later', async (_, why) => {
      refuse(why);
      await weft.orders.placeOrder({});
      expect(server.seen.tokens.at(-1)).toBe('Bearer access-1');
      skipped = 25_000;
      await failure(weft.orders.placeOrder({}));
      expect(server.seen.tokens.at(-1)).toBeNull();
      server.beforeExchange(() => undefined);
      await weft.orders.placeOrder({});
      expect(server.seen.tokens.at(-1)).toBe('Bearer access-2');
      expect(new Set(keysOfExchanges()).size).toBe(1);
    });

    it('ends all the same when the server refuses to renew it', async () => {
      refuse(() => refusal(Code.Unauthenticated, 'REFRESH_TOKEN_INVALID'));
      expect((await failure(weft.orders.placeOrder({}))).reason).toBe('REFRESH_TOKEN_INVALID');
      expect(weft.session.userId).toBeUndefined();
    });

    it('does not go on with one that was refused', async () => {
      server.expire();
      refuse(AWAY);
      expect((await failure(weft.orders.placeOrder({}))).code).toBe(Code.Unavailable);
    });

    it('waits for another for half of a call’s time, and has the rest for the call', async () => {
      const go = holdExchange();
      await weft.orders.placeOrder({}, { timeoutMs: 3000 });
      expect(server.seen.tokens.at(-1)).toBe('Bearer access-1');
      expect(server.seen.timeouts.at(-1)).toBeLessThanOrEqual(1501);
      go();
    });

    it('waits for another no longer than the call may take, once it has ended', async () => {
      const go = holdExchange();
      skipped = 25_000;
      const late = await failure(weft.orders.placeOrder({}, { timeoutMs: 50 }));
      expect(late.code).toBe(Code.DeadlineExceeded);
      go();
      await weft.orders.placeOrder({});
      expect(server.seen.exchanges).toBe(1);
    });

    it('waits for another until the call is given up, and others get it', async () => {
      const giveUp = new AbortController();
      const go = holdExchange(() => giveUp.abort());
      skipped = 25_000;
      const patient = weft.orders.placeOrder({});
      const given = await failure(weft.orders.placeOrder({}, { signal: giveUp.signal }));
      expect(given.code).toBe(Code.Canceled);
      go();
      await patient;
      expect(server.seen.exchanges).toBe(1);
    });
  });

  it('is ended at the server and here', async () => {
    await weft.session.signIn(CREDENTIALS);
    await weft.session.signOut();
    expect(server.seen.keys.at(-1)).toBe('refresh-1');
    expect(await weft.session.token()).toBeUndefined();
    expect(weft.session.userId).toBeUndefined();
  });
});
