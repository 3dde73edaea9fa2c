import { Outdated } from './errors.ts';

/**
 * How many rows a deferred statement has to change, and what fails the transaction when they are fewer or more. It guards the
 * work, which cannot take effect twice: when the connection breaks during the commit the work runs again.
 */
export interface Expectation {
  readonly rows: number;
  /** Default: Outdated, after which the unit of work runs again. */
  readonly otherwise?: () => Error;
}

/** A statement that is sent with the commit. */
export interface Deferred {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly expected: Expectation | undefined;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const MAX_KNOWN = 1_000;
const FEW_ROWS = 32;
const ADDS = /\binsert into\b/i;
const ALTERS = /\bdelete from\b|(?<!\bfor )\bupdate\b/i;
const GUARD = /weft guard (\d+):/;
const texts = new Map<string, string>();
const adding = new Map<string, boolean>();

/** The statements as one where that is possible: they take the server a fraction of the time that each alone takes. */
export function combine(deferred: readonly Deferred[]): Statement[] {
  const distinct = new Set(deferred.map(({ text }) => text)).size === deferred.length;
  const together = distinct && deferred.every(({ text }) => ADDS.test(text) || ALTERS.test(text));
  if (together && deferred.length > 0) return [one(deferred, 0)];
  return deferred.map((statement, index) => (statement.expected ? one([statement], index) : statement));
}

/**
 * It may be committed in one transaction with others: it alters no row that is there, so that it waits for nobody's locks, and it
 * adds few, so that nobody waits for it.
 */
export function goesWithOthers({ text, values }: Statement): boolean {
  let adds = adding.get(text);
  if (adds === undefined) {
    adds = ADDS.test(text) && !ALTERS.test(text);
    if (adding.size < MAX_KNOWN) adding.set(text, adds);
  }
  return adds && values.every((value) => !Array.isArray(value) || value.length <= FEW_ROWS);
}

/** What a failure of a combined statement means: the failure of the guard that it names, or undefined. */
export function guardFailure(error: unknown, deferred: readonly Deferred[]): Error | undefined {
  const index = error instanceof Error ? GUARD.exec(error.message)?.[1] : undefined;
  const expected = index === undefined ? undefined : deferred[Number(index)]?.expected;
  return expected && (expected.otherwise?.() ?? new Outdated());
}

function one(deferred: readonly Deferred[], from: number): Statement {
  const guards = deferred.flatMap(({ expected }) => (expected ? [expected.rows] : []));
  const values = [...deferred.flatMap((statement) => statement.values), ...guards];
  const key = deferred.map(({ text, expected }) => `${text};${expected ? from : ''}`).join();
  let text = texts.get(key);
  if (text === undefined) {
    text = combinedText(deferred, from);
    if (texts.size < MAX_KNOWN) texts.set(key, text);
  }
  return { text, values };
}

// The server comes to the guards first, as the query at the end reads them, and then to the rest in this order: an outbox row
// gets its number when the locks of its aggregate are held.
function combinedText(deferred: readonly Deferred[], from: number): string {
  let offset = 0;
  const parts = deferred.map(({ text, values, expected }, index) => {
    const before = offset;
    offset += values.length;
    const numbered = text.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + before}`);
    return `s${index} AS (${numbered}${expected ? ' RETURNING 1' : ''})`;
  });
  // Where the rows are others the statement fails, since the COMMIT may be on its way already: no number has such a text.
  const guards = deferred.flatMap(({ expected }, index) => {
    if (!expected) return [];
    offset += 1;
    const rows = `(SELECT count(*) FROM s${index})`;
    return [`CASE WHEN ${rows} <> $${offset}::int THEN ('weft guard ${from + index}: ' || ${rows})::int END`];
  });
  return `WITH ${parts.join(', ')} SELECT ${guards.join(', ') || '1'}`;
}
