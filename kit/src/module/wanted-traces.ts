import type { Bus } from '../events/index.ts';
import type { Tracing, WantedFor } from '../telemetry/index.ts';

const TOPIC = 'wanted-traces';
/** What comes within so long is told at once. A trace is kept for seconds. */
const GATHER_MS = 20;
/** A second's are fewer; of a trace that is not told of, this process records its part alone. */
const MOST_AT_ONCE = 100;
const NOTICE = /^(failure|refusal)((?: [\da-f]{32}){1,100})$/;

/**
 * What fails or is slow here is recorded by all processes on the bus that have part of its trace, and the other way round: also by those
 * that had done well, and by those that nobody calls.
 */
export function shareWantedTraces(bus: Bus, tracing: Tracing): void {
  if (!tracing.active) return;
  const gathered: Record<WantedFor, string[]> = { failure: [], refusal: [] };
  let gathering = false;
  const tell = () => {
    gathering = false;
    for (const [reason, traceIds] of Object.entries(gathered))
      if (traceIds.length > 0) bus.notify(TOPIC, `${reason} ${traceIds.splice(0).join(' ')}`);
  };
  tracing.onWanted((traceId, reason) => {
    if (gathered[reason].length < MOST_AT_ONCE) gathered[reason].push(traceId);
    if (!gathering) setTimeout(tell, GATHER_MS).unref();
    gathering = true;
  });
  bus.onNotice(TOPIC, (text) => {
    const [, reason, traceIds] = NOTICE.exec(text) ?? [];
    for (const traceId of traceIds?.split(' ') ?? [])
      if (traceId !== '') tracing.want({ traceId, sampled: false }, reason as WantedFor, 'elsewhere');
  });
}
