import { expect, it } from '@jest/globals';
import { type Behind, catchUp } from '../../src/events/postgres/catch-up.ts';
import type { Session } from '../../src/store/session.ts';

const HEAD = 6_000n;
const PLACED = new Set(['placed']);
const ALL = new Set(['placed', 'paid']);

function at(scanned: bigint, { bucket = 0, idle = true } = {}) {
  return {
    bucket,
    idle,
    scanned,
    woken: 0,
    wake() {
      this.woken++;
    },
  } satisfies Behind & { woken: number };
}

/** A server on which these are the last. */
function holding(...rows: { bucket: number; type: string; seq: bigint }[]) {
  const asked: (readonly unknown[] | undefined)[] = [];
  const query = async (_: string, values?: readonly unknown[]) => {
    asked.push(values);
    return rows;
  };
  return { asked, session: { query } as unknown as Session };
}

it('asks once for all, wakes who has something, and takes the others as far as it looked', async () => {
  const { asked, session } = holding({ bucket: 0, type: 'paid', seq: 5_900n });
  const [has, hasHandled, ofOtherTypes, ofOtherBucket] = [
    at(5_000n),
    at(5_950n),
    at(5_500n),
    at(5_500n, { bucket: 1 }),
  ];
  const lanes = [has, hasHandled, ofOtherBucket].map((lane) => ({ lane, types: ALL }));
  await catchUp(session, [...lanes, { lane: ofOtherTypes, types: PLACED }], HEAD);
  expect(asked).toEqual([[5_000n, HEAD]]);
  expect([has, hasHandled, ofOtherTypes, ofOtherBucket].map(({ woken }) => woken)).toEqual([1, 0, 0, 0]);
  expect([has, hasHandled, ofOtherTypes, ofOtherBucket].map(({ scanned }) => scanned)).toEqual([
    5_000n,
    HEAD,
    HEAD,
    HEAD,
  ]);
});

it('asks nothing where nobody is behind, and leaves who is far behind or at work to look for itself', async () => {
  const { asked, session } = holding();
  const [far, busy, there] = [at(100n), at(5_000n, { idle: false }), at(HEAD)];
  await catchUp(
    session,
    [far, busy, there].map((lane) => ({ lane, types: ALL })),
    HEAD,
  );
  expect(asked).toEqual([]);
  expect([far, busy, there].map(({ woken }) => woken)).toEqual([1, 0, 0]);
  expect([far, busy, there].map(({ scanned }) => scanned)).toEqual([100n, 5_000n, HEAD]);
});
