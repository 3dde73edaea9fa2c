import type { AttributeValue } from '@opentelemetry/api';
import type { FinishedSpan, NotedSpan, SpanContent } from './spans.ts';

/** Which attributes a span has, known once for all spans that have the same. */
type Describe = NotedSpan['describe'];

const MOST_SHAPES = 256;
const shapes = new Map<string, Describe>();

/** What is kept of a span that nobody wants yet: what differs from one to the next, and not the names of its attributes. */
export function noteOf({
  context,
  startTime,
  endTime,
  name,
  kind,
  attributes,
  error,
  followsParent,
}: FinishedSpan): NotedSpan {
  const names = Object.keys(attributes);
  const shape = `${kind} ${followsParent === true} ${names.join()}`;
  let describe = shapes.get(shape);
  if (!describe) {
    describe = describeAs(names, { kind, ...(followsParent && { followsParent }) });
    if (shapes.size < MOST_SHAPES) shapes.set(shape, describe);
  }
  const note = JSON.stringify([name, error ?? null, ...Object.values(attributes)]);
  return { context, startTime, endTime, note, describe };
}

function describeAs(names: readonly string[], alike: Pick<SpanContent, 'kind' | 'followsParent'>): Describe {
  return (note) => {
    const [name, error, ...values] = JSON.parse(note) as [string, string | null, ...AttributeValue[]];
    const attributes = Object.fromEntries(names.map((one, index) => [one, values[index]]));
    return { ...alike, name, attributes, ...(error !== null && { error }) };
  };
}
