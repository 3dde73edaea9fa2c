import { CallAuditedSchema } from '@weft/gen/es/weft/audit/v1/events_pb';
import { CallAudited } from '@weft/gen/grpc/weft/audit/v1/events';
import { contextHeaders, outsideContext, type WorkContext } from '../context/index.ts';
import { cloudEvent } from '../events/index.ts';
import { type EndedCall, type Operation, status } from '../rpc/index.ts';
import type { OutgoingEvent } from '../store/index.ts';
import { type Logger, redactedJson } from '../telemetry/index.ts';
import { toTimestamp } from '../time/index.ts';

/** Of the events by which a service tells of calls that no other event tells of. */
export const CALL_AUDITED = CallAuditedSchema;
export const callAuditedType = (service: string): string => `weft.${service}.v1.call_audited`;

export interface AuditTrailParts {
  readonly service: string;
  /** Resolves when it is certain that the events will be on the bus. */
  readonly save: (events: readonly OutgoingEvent[]) => Promise<void>;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What a service tells the audit of its calls, by its own outbox. */
export interface AuditTrail {
  /** Notes calls that were refused. Costs them nothing: what is alike is counted, and told once a second. */
  observe(call: EndedCall): void;
  /** Resolves when it is certain that the operation will be recorded. */
  operation(operation: Operation): Promise<void>;
  /** Writes what is noted. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
/** Different refusals that are told at once; what comes beyond them is counted by its method. */
const MOST = 50;
const MOST_CONTENT = 8 * 1024;

interface Refusals {
  readonly call: EndedCall;
  first: number;
  last: number;
  count: number;
}

export function auditTrail({ service, save, logger, now }: AuditTrailParts): AuditTrail {
  const type = callAuditedType(service);
  let noted = new Map<string, Refusals>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let stopped = false;

  const eventOf = (content: CallAudited, context: WorkContext): OutgoingEvent => {
    const payload = CallAudited.encode(content).finish();
    const event = { type, owner: service, schema: CALL_AUDITED, key: content.method, payload };
    return cloudEvent(event, { now: new Date(now()), headers: contextHeaders(context) });
  };

  const write = async (): Promise<void> => {
    if (noted.size === 0) return;
    const told = noted;
    noted = new Map();
    const events = [...told.values()].map(({ call, first, last, count }) => {
      const { method, outcome, callerService: caller = '', userId = '', context } = call;
      const code = status[outcome?.code ?? status.UNKNOWN] ?? '';
      const times = { firstTime: toTimestamp(new Date(first)), occurTime: toTimestamp(new Date(last)) };
      const who = { method: method.name, status: code, reason: outcome?.reason ?? '', userId, caller };
      return eventOf({ ...who, count: BigInt(count), ...times, requestJson: '' }, context);
    });
    try {
      await save(events);
    } catch (err) {
      logger.warn({ err, refusals: told.size }, 'refused calls not told to the audit; trying again');
      for (const refusals of told.values()) note(refusals);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    // Of many calls: its own work is none of theirs.
    writing = outsideContext(() =>
      writing.then(write).finally(() => {
        if (noted.size > 0 && !stopped) timer ??= setTimeout(flush, EVERY_MS).unref();
      }),
    );
    return writing;
  };
  const note = (refusals: Refusals): void => {
    const { method, outcome, callerService = '', userId = '' } = refusals.call;
    const own = [method.name, outcome?.reason, callerService, userId].join(' ');
    // Who comes as ever new users makes no more records than there are methods.
    if (noted.has(own) || noted.size < MOST) return merge(own, refusals);
    const anybody = { ...refusals.call, userId: '', callerService: '' };
    merge(`${method.name} ${outcome?.code}`, { ...refusals, call: anybody });
  };
  const merge = (key: string, refusals: Refusals): void => {
    const known = noted.get(key);
    if (known) {
      known.first = Math.min(known.first, refusals.first);
      known.last = Math.max(known.last, refusals.last);
      known.count += refusals.count;
    } else noted.set(key, refusals);
  };

  return {
    observe(call) {
      const code = call.outcome?.code;
      if (code !== status.PERMISSION_DENIED && code !== status.UNAUTHENTICATED) return;
      const time = now();
      note({ call, first: time, last: time, count: 1 });
      timer ??= setTimeout(flush, EVERY_MS).unref();
    },
    async operation({ method, context, request }) {
      const json = redactedJson(method.input, request);
      const at = toTimestamp(new Date(now()));
      const content = {
        method: method.name,
        status: 'OK',
        reason: '',
        userId: context.userId ?? '',
        caller: context.callerService ?? '',
        count: 1n,
        firstTime: at,
        occurTime: at,
        requestJson: Buffer.byteLength(json) > MOST_CONTENT ? '' : json,
      };
      await save([eventOf(content, context)]);
    },
    flush,
    async stop() {
      stopped = true;
      await flush();
    },
  };
}
