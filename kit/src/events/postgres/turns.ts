import type { Session } from '../../store/session.ts';
import type { MessageRow } from './rows.ts';
import { FETCH } from './statements.ts';

/** A process is known to live by a lock on its id that its session holds. */
export interface LiveProcess {
  readonly id: number;
  readonly lockClass: number;
}

/** A lane's question: what comes next? */
export interface Ask {
  readonly consumer: string;
  readonly bucket: number;
  readonly after: bigint;
  readonly types: readonly string[];
  readonly limit: number;
  /** Noted when something is found. */
  readonly deliveries: number;
  readonly cautiousUntil: bigint;
  /** What is before `after` has been handled: written down even when nothing follows. */
  readonly save: boolean;
  /** Whether the lane still has its lock; asked when the statement is sent. */
  readonly ours: () => boolean;
}

export interface Found {
  readonly messages: readonly MessageRow[];
  /** Up to here there is nothing for the lane but `messages`. */
  readonly scanned: bigint;
  /** There may be more behind. */
  readonly more: boolean;
}

interface Waiting {
  readonly ask: Ask;
  readonly resolve: (found: Found) => void;
  readonly reject: (reason: unknown) => void;
}

type Row = { [Column in keyof MessageRow]: MessageRow[Column] | null } & {
  readonly place: bigint;
  readonly scanned: bigint;
  readonly more: boolean;
};

/** A lane that is far behind has a thousand messages looked at: those that ask with it wait for that. */
const MOST_TOGETHER = 16;

/**
 * Asks for all lanes of a process: one statement is on its way at a time, and who comes meanwhile goes together with the
 * next. Each lane asks once at a time.
 */
export class Turns {
  readonly #session: Session;
  readonly #process: LiveProcess;
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(session: Session, process: LiveProcess) {
    this.#session = session;
    this.#process = process;
  }

  next(ask: Ask): Promise<Found> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those that are woken by one publication ask within one tick.
    await undefined;
    while (this.#waiting.length > 0) await this.#together(this.#waiting.splice(0, MOST_TOGETHER));
    this.#running = false;
  }

  async #together(waiting: readonly Waiting[]): Promise<void> {
    const asking = waiting.filter(({ ask, reject }) => ask.ours() || void reject(new Error('the bucket was lost')));
    if (asking.length === 0) return;
    const asks = asking.map(({ ask }) => ask);
    try {
      const rows = await this.#session.query<Row>(FETCH, [...columns(asks), this.#process.id]);
      const byPlace = Map.groupBy(rows, ({ place }) => Number(place) - 1);
      for (const [place, { ask, resolve }] of asking.entries()) resolve(toFound(byPlace.get(place) ?? [], ask.after));
    } catch (error) {
      for (const { reject } of asking) reject(error);
    }
  }
}

function columns(asks: readonly Ask[]): unknown[] {
  return [
    asks.map(({ consumer }) => consumer),
    asks.map(({ bucket }) => bucket),
    asks.map(({ after }) => after),
    asks.map(({ types }) => types.join(' ')),
    asks.map(({ limit }) => limit),
    asks.map(({ deliveries }) => deliveries),
    asks.map(({ cautiousUntil }) => cautiousUntil),
    asks.map(({ save }) => save),
  ];
}

function toFound(rows: readonly Row[], after: bigint): Found {
  const [first] = rows;
  if (!first) throw new Error('a lane was not answered');
  const { scanned, more } = first;
  return { scanned: scanned > after ? scanned : after, more, messages: rows.filter(isMessage) };
}

const isMessage = (row: Row): row is Row & MessageRow => row.seq !== null;
