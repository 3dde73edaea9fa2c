import { AuditKind } from '@weft/gen/grpc/weft/audit/v1/audit';
import { CommandFailure } from '../shop/failure.ts';
import { MAX_RECORDS, type OrderRequest, readOrderRequests, timeOf } from '../system/order-requests.ts';
import { enumNames } from '../terminal/enum-names.ts';
import { print, toJson } from '../terminal/output.ts';
import { bold, dim } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

const kindName = enumNames(AuditKind, 'AUDIT_KIND_');
const EVERYTHING = {
  userId: '',
  service: '',
  action: '',
  resourceId: '',
  correlationId: '',
  kind: 0 as const,
  fromTime: undefined,
  toTime: undefined,
  pageSize: 1000,
};
/** What a trace may be opened at: Jaeger as `npm run start:observed` has it. */
const TRACES_URL = 'http://127.0.0.1:16686';
const ASK_MS = 500;

/** Shows what each request did for an order, in all services, with the trace that each is found by. */
export async function trace(orderId: string, options: CommonOptions): Promise<void> {
  await runCommand(options, async (context) => {
    const session = await signInAsAdmin(context);
    const found = await readOrderRequests(
      (filter, pageToken) =>
        session.call((token) =>
          context.clients.audit.listAuditEvents({ ...EVERYTHING, ...filter, pageToken }, { token }),
        ),
      orderId,
    );
    if (found.length === 0) throw new CommandFailure(`nothing is recorded of ${orderId}`);
    if (options.json) await print(toJson(found));
    else {
      const base = await tracesUrl();
      await print(found.map((one) => describe(one, orderId, base)).join('\n\n'));
    }
    return true;
  });
}

/** What traces can be opened at: what is named, else the usual one where it answers. */
async function tracesUrl(): Promise<string | undefined> {
  if (process.env.WEFT_TRACES_URL) return process.env.WEFT_TRACES_URL.replace(/\/$/, '');
  const answers = await fetch(TRACES_URL, { signal: AbortSignal.timeout(ASK_MS) }).catch(() => undefined);
  await answers?.body?.cancel();
  return answers?.ok ? TRACES_URL : undefined;
}

function describe(
  { correlationId, traces, events, truncated }: OrderRequest,
  orderId: string,
  base: string | undefined,
): string {
  const start = timeOf(events[0]);
  const rows = events.map((event) => [
    timeOf(event).toISOString().slice(11, 23),
    dim(`+${timeOf(event).getTime() - start.getTime()} ms`),
    bold(event.service),
    event.kind === AuditKind.AUDIT_KIND_STATE_CHANGE
      ? event.action.split('.').slice(3).join('.')
      : kindName(event.kind),
    dim(event.method === '' ? 'by an event' : `${event.caller === '' ? '' : `${event.caller} called `}${event.method}`),
    dim(event.resourceId === orderId ? '' : event.resourceId),
  ]);
  return [
    `${bold('Request')}  ${correlationId}`,
    ...traces.map((id) => `${bold('Trace')}    ${id}${base === undefined ? '' : `  ${dim(`${base}/trace/${id}`)}`}`),
    ...(truncated ? [`more than ${MAX_RECORDS} records have this correlation id: not all were looked at`] : []),
    table(rows, [1]),
  ].join('\n');
}
