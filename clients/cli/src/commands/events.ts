import type { DeadLetter, Event } from '@weft/gen/grpc/weft/events/v1/operations';
import { fromTimestamp, type Timestamp, toTimestamp } from '@weft/kit/time';
import { type EventOperations, eventOperations } from '../system/event-operations.ts';
import { createPauses } from '../system/patience.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, bold, dim, good } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommandContext, type CommandNeeds, type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

export interface ListOptions extends CommonOptions {
  readonly consumer?: string;
}

export interface TailOptions extends CommonOptions {
  readonly type?: readonly string[];
  readonly from?: Date;
}

export interface ReplayOptions extends CommonOptions {
  readonly consumer: string;
  readonly from: Date;
}

type Work = (operations: EventOperations, context: CommandContext) => Promise<void>;

/** A service that is away is not waited for: the others are asked as well. */
const ASKING: CommandNeeds = { needs: ['users'], patienceMs: 2_000 };

function operate(options: CommonOptions, work: Work, needs = ASKING): Promise<void> {
  return runCommand(
    options,
    async (context) => {
      const session = await signInAsAdmin(context);
      const operations = eventOperations(context.targets, session);
      try {
        await work(operations, context);
      } finally {
        operations.close();
      }
      const silent = operations.silent();
      for (const line of silent) process.stderr.write(`weft: ${line}\n`);
      return silent.length === 0;
    },
    needs,
  );
}

export function consumers(options: CommonOptions): Promise<void> {
  return operate(options, async (operations) => {
    const answers = await operations.all((client, as) => client.listConsumers({}, as));
    const found = answers.flatMap(([service, answer]) => answer.consumers.map((one) => ({ service, ...one })));
    if (options.json) return print(toJson(found));
    const rows = found.map(({ name, lag, deadLetters }) => [
      name,
      lag === 0n ? good('up to date') : `${lag} to handle`,
      deadLetters === 0 ? dim('no dead letters') : bad(`${deadLetters} dead`),
    ]);
    await print(table(rows));
  });
}

export function listDeadLetters({ consumer = '', ...options }: ListOptions): Promise<void> {
  return operate(options, async (operations) => {
    const answers = await operations.all((client, as) => client.listDeadLetters({ consumer }, as));
    const letters = answers.flatMap(([, answer]) => answer.deadLetters);
    letters.sort((a, b) => Number(dateOf(a.failTime)) - Number(dateOf(b.failTime)));
    if (options.json) return print(toJson(letters.map(letterJson)));
    if (letters.length === 0)
      return print(operations.silent().length === 0 ? 'No dead letters.' : 'No dead letters of those that answered.');
    const rows = letters.map(({ deadLetterId, consumer: name, event, deliveries, error, failTime, redriving }) => [
      deadLetterId,
      dim(dateOf(failTime).toISOString()),
      name,
      event?.type ?? '',
      redriving ? 'redriving' : `${deliveries} deliveries`,
      firstLine(error),
    ]);
    await print(table(rows));
  });
}

export function showDeadLetter(deadLetterId: string, options: CommonOptions): Promise<void> {
  return operate(options, async (operations) => {
    const answer = await operations.whoever(`a dead letter ${deadLetterId}`, (client, as) =>
      client.getDeadLetter({ deadLetterId }, as),
    );
    const letter = answer.deadLetter as DeadLetter;
    if (options.json) return print(toJson(letterJson(letter)));
    const { consumer, event, deliveries, error, stack, failTime } = letter;
    const headers = Object.entries(event?.headers ?? {}).map(([name, value]) => [dim(name), value]);
    await print(
      [
        `${bold('Consumer')}   ${consumer}, given up ${dateOf(failTime).toISOString()} after ${deliveries} deliveries`,
        `${bold('Event')}      ${event?.type} ${event?.eventId} of ${event?.key}`,
        table(headers),
        `${bold('Content')}    ${event?.contentJson || 'unreadable'}`,
        `${bold('Error')}      ${bad(error)}`,
        dim(stack),
      ].join('\n'),
    );
  });
}

export function redriveDeadLetters(ids: readonly string[], options: CommonOptions): Promise<void> {
  return operate(options, (operations) =>
    each(ids, options, 'will be handled again', (deadLetterId) =>
      operations.whoever(`a dead letter ${deadLetterId}`, (client, as) =>
        client.redriveDeadLetter({ deadLetterId }, as),
      ),
    ),
  );
}

export function discardDeadLetters(ids: readonly string[], options: CommonOptions): Promise<void> {
  return operate(options, (operations) =>
    each(ids, options, 'discarded', (deadLetterId) =>
      operations.whoever(`a dead letter ${deadLetterId}`, (client, as) =>
        client.discardDeadLetter({ deadLetterId }, as),
      ),
    ),
  );
}

async function each(
  ids: readonly string[],
  options: CommonOptions,
  done: string,
  work: (id: string) => Promise<unknown>,
): Promise<void> {
  for (const id of ids) {
    await work(id);
    if (!options.json) await print(`${id} ${done}`);
  }
  if (options.json) await print(toJson({ deadLetters: ids }));
}

/** Goes on where it was when the stream ends or the system restarts. */
export function tail({ type: types = [], from, ...options }: TailOptions): Promise<void> {
  const work: Work = async (operations, { patience }) => {
    const began = toTimestamp(from ?? new Date());
    const tell = (event: Event) => print(options.json ? JSON.stringify(eventJson(event)) : eventLine(event));
    const publishers = operations.publishers(types);
    await Promise.all(publishers.map((one) => follow(one, began, createPauses(patience), tell)));
  };
  return operate(options, work, {});
}

type Publisher = ReturnType<EventOperations['publishers']>[number];
type Pauses = ReturnType<typeof createPauses>;

async function follow({ types, ask }: Publisher, from: Timestamp, pauses: Pauses, tell: (event: Event) => unknown) {
  const seen = new Set<string>();
  for (let since = from; ; ) {
    try {
      await ask(async (client, as) => {
        for await (const { event } of client.tailEvents({ types: [...types], fromTime: since }, as)) {
          pauses.reset();
          if (!event || seen.has(event.eventId)) continue;
          remember(seen, event.eventId);
          since = event.publishTime ?? since;
          await tell(event);
        }
      });
    } catch (error) {
      await pauses.after(error);
    }
  }
}

/** Only the last ones can come again. */
const REMEMBERED = 10_000;

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  const [oldest] = seen;
  if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest);
}

export function replayConsumer({ consumer, from, ...options }: ReplayOptions): Promise<void> {
  return operate(options, async (operations) => {
    await operations.whoever(`a consumer ${consumer}`, (client, as) =>
      client.replayConsumer({ consumer, fromTime: toTimestamp(from) }, as),
    );
    if (options.json) return print(toJson({ consumer, from }));
    await print(`${consumer} is given again what was published since ${from.toISOString()}`);
  });
}

export function schemas(options: CommonOptions): Promise<void> {
  return operate(options, async (operations) => {
    const answer = await operations.any((client, as) => client.listSchemas({}, as));
    const found = answer.schemas.map((one) => ({ ...one, createTime: dateOf(one.createTime) }));
    if (options.json) return print(toJson(found));
    const rows = found.map(({ type, fingerprint, createTime, publishers, readers }) => [
      type,
      fingerprint.slice(0, 12),
      dim(createTime.toISOString()),
      publishers.length > 0 ? `published by ${publishers.join(', ')}` : dim('not published now'),
      readers.length > 0 ? `read by ${readers.join(', ')}` : dim('read by nobody'),
    ]);
    await print(table(rows));
  });
}

const dateOf = (time: Timestamp | undefined): Date => (time ? fromTimestamp(time) : new Date(0));
const firstLine = (text: string): string => text.split('\n')[0]?.slice(0, 80) ?? '';

function eventJson({ contentJson, publishTime, ...event }: Event) {
  return { ...event, content: contentJson ? JSON.parse(contentJson) : null, publishTime: dateOf(publishTime) };
}

function letterJson({ event, failTime, ...letter }: DeadLetter) {
  return { ...letter, event: event && eventJson(event), failTime: dateOf(failTime) };
}

function eventLine(event: Event): string {
  const time = dim(dateOf(event.publishTime).toISOString().slice(11, 23));
  return `${time}  ${bold(event.type)}  ${event.key}  ${event.contentJson || bad('unreadable')}`;
}
