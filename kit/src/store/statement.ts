import pg from 'pg';
import { serialize } from 'pg-protocol';
import { toParameter } from './parameter.ts';

/** What a connection knows of a statement that it has prepared: the same for every run of it. */
export interface Known {
  shape: Shape | undefined;
}

interface Shape {
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
}

export interface StatementResult<R> {
  /** The first word of the command tag, for example UPDATE. */
  readonly command: string;
  readonly rowCount: number;
  readonly rows: R[];
}

type Settle<R> = (error: Error | null, result?: StatementResult<R>) => void;

/** What waits for a result. */
interface Waiting<R> {
  resolve(result: StatementResult<R>): void;
  reject(error: Error | null): void;
}

const EXECUTE_AND_SYNC = Buffer.concat([serialize.execute({}), serialize.sync()]);
const NO_ROWS: Shape = { names: [], parsers: [] };

/**
 * One run of a named statement. From the second run on a connection on, it is not described again and goes out in one
 * write: what pg would do beside that costs as much as many a statement itself.
 */
class Statement<R> extends pg.Query {
  declare callback: Settle<R>;
  declare name: string;
  declare text: string;
  declare values: unknown[];
  readonly #known: Known;
  readonly #types: pg.CustomTypesConfig;
  #rows: R[] = [];
  #waiting: Waiting<R> | undefined;
  #tag = '';
  #failure: Error | undefined;

  constructor(
    statement: { name: string; text: string; values: readonly unknown[] },
    known: Known,
    types: pg.CustomTypesConfig,
    waiting: Waiting<R>,
  ) {
    super(statement.text);
    this.name = statement.name;
    this.values = statement.values.map(toParameter);
    this.callback = settling(this);
    this.#waiting = waiting;
    this.#known = known;
    this.#types = types;
  }

  prepare(connection: pg.Connection): void {
    if (!this.#known.shape) return describeAndRun.call(this, connection);
    const bind = serialize.bind({ statement: this.name, values: this.values });
    connection.stream.write(Buffer.concat([bind, EXECUTE_AND_SYNC]));
  }

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    this.#known.shape = {
      names: fields.map(({ name }) => name),
      parsers: fields.map(({ dataTypeID }) => this.#types.getTypeParser(dataTypeID, 'text')),
    };
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const { names, parsers } = this.#known.shape ?? NO_ROWS;
    const row: Record<string, unknown> = {};
    try {
      for (let i = 0; i < names.length; i++) {
        const text = fields[i];
        row[names[i] as string] = text == null ? null : parsers[i]?.(text);
      }
    } catch (error) {
      this.#failure ??= error as Error;
    }
    this.#rows.push(row as R);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#tag = text;
    this.#known.shape ??= NO_ROWS;
  }

  /**
   * Tells what waits, once, and has nothing left then of what it was given or gave: pg's timer keeps each statement until the next
   * full collection, long after it was cleared.
   */
  settle(error: Error | null, result: StatementResult<R> | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#rows = [];
    this.values = [];
    if (result) waiting?.resolve(result);
    else waiting?.reject(error);
  }

  handleReadyForQuery(): void {
    if (this.#failure) return this.callback(this.#failure);
    const words = this.#tag.split(' ');
    this.callback(null, { command: words[0] ?? '', rowCount: Number(words.at(-1)) || 0, rows: this.#rows });
  }
}

const settling =
  <R>(statement: Statement<R>): Settle<R> =>
  (error, result) =>
    statement.settle(error, result);

// biome-ignore lint/suspicious/noExplicitAny: not among the declared types of pg
const describeAndRun: (this: Statement<any>, connection: pg.Connection) => void = (pg.Query.prototype as any).prepare;

/** Runs a statement by its name on a connection, which prepares it at its first run. */
export function run<R>(
  client: pg.ClientBase,
  statement: { name: string; text: string; values: readonly unknown[] },
  known: Known,
  types: pg.CustomTypesConfig,
): Promise<StatementResult<R>> {
  return new Promise((resolve, reject) => {
    client.query(new Statement<R>(statement, known, types, { resolve, reject }));
  });
}
