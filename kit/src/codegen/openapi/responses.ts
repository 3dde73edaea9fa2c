import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { type MethodPolicy, method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { answerExample } from './example.ts';
import { COMMON, ETAG, KEPT, LOCATION, PAGES, versionHeaders } from './headers.ts';
import type { Binding } from './http.ts';
import { commonRefusals, namedRefusals } from './problem.ts';
import type { Json, Schema } from './schema.ts';
import { isPage } from './schemas.ts';
import { textOf } from './text.ts';
import type { Writing } from './writing.ts';

/** Every answer of an operation, by its status. */
export function responses(
  method: DescMethod,
  binding: Binding,
  text: string,
  signedIn: boolean,
  writing: Writing,
): Schema {
  const refusals = new Map(commonRefusals(signedIn, binding.body !== ''));
  for (const [status, reasons] of namedRefusals(text))
    refusals.set(status, [...new Set([...(refusals.get(status) ?? []), ...reasons])]);
  const refused = [...refusals].map(([status, reasons]): [string, Json] => [
    String(status),
    writing.refusals.of(status, reasons),
  ]);
  const sorted = [...successes(method, binding, writing), ...refused].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    ...Object.fromEntries(sorted),
    default: { $ref: '#/components/responses/Refused' },
  };
}

function successes(method: DescMethod, binding: Binding, writing: Writing): [string, Json][] {
  const { verb, custom, pathFields } = binding;
  const policy = getOption(method, methodPolicy);
  const common = { ...COMMON, ...versionHeaders(writing.version) };
  const description = textOf(method.output) || 'Done.';
  if (method.methodKind === 'server_streaming') return [['200', eventStream(method, policy, writing)]];
  if (verb === 'delete') return [['204', { description: 'Done.', headers: common }]];
  const content = answered(method, binding, writing);
  const answer = (headers: Schema, told = description, status?: string): Json => ({
    description: told,
    headers: { ...headers, ...common },
    content: { 'application/json': content(status) },
  });
  if (verb === 'get') {
    const headers = { ...(isPage(method.output) && PAGES), ...ETAG, ...(policy.cacheable && KEPT) };
    const unchanged = 'As it was when `If-None-Match` was given its ETag.';
    return [
      ['200', answer(headers)],
      ['304', { description: unchanged, headers: { ...ETAG, ...(policy.cacheable && KEPT), ...common } }],
    ];
  }
  if (verb !== 'post') return [['200', answer(ETAG)]];
  const makes = custom === '' && pathFields.length === 0;
  const done: [string, Json] = makes ? ['201', answer(LOCATION)] : ['200', answer({})];
  const [going] = policy.accepted;
  if (going === undefined) return [done];
  return [done, ['202', answer(LOCATION, `${description} It is being worked on.`, going)]];
}

/** What is in an answer, with an example of it: `status` is that of the resource, where it matters. */
function answered(method: DescMethod, { responseBody }: Binding, { schemas, viewsOf }: Writing) {
  const field = method.output.fields.find(({ name }) => name === responseBody);
  const views = viewsOf(method);
  if (field && views.length > 0) throw new Error(`${method.name} has views of a part of its answer`);
  const parts = views.flatMap((view) => view.parts);
  const schema = field ? schemas.field(field, 'answer') : schemas.answer(method.output, parts);
  const { accepted } = getOption(method, methodPolicy);
  return (status?: string): Schema => {
    const example = (shown: readonly string[]): Json => {
      const hidden = parts.map(({ name }) => name).filter((name) => !shown.includes(name));
      const choice = (name: string) => (status === undefined ? !accepted.includes(name) : name === status);
      return { value: answerExample(schema, schemas.all(), hidden, choice) };
    };
    const examples = views.map((view) => [view.name, example(view.parts.map(({ name }) => name))]);
    return { schema, examples: { example: example([]), ...Object.fromEntries(examples) } };
  };
}

function eventStream(method: DescMethod, { stream }: MethodPolicy, { schemas, version }: Writing): Json {
  const { idleTimeout, maxAge } = stream ?? {};
  const bounds = `Ends when nothing has happened for ${idleTimeout?.seconds} s, and after ${maxAge?.seconds} s.`;
  const message = schemas.answer(method.output);
  // Without an id: some tools ask for what an example holds, and a stream goes on after its own ids alone.
  const event = { event: 'message', data: JSON.stringify(answerExample(message, schemas.all())) };
  return {
    description: `${textOf(method.output) || 'Done.'} Server-sent events, each with a message as JSON in \`data\`. ${bounds}`,
    headers: { ...COMMON, ...versionHeaders(version) },
    content: { 'text/event-stream': { schema: eventSchema(message), examples: { example: { value: event } } } },
  };
}

/** An event, once it is read from the stream. */
function eventSchema(message: Schema): Schema {
  return {
    type: 'object',
    properties: {
      id: { type: 'string', description: 'What to send as `Last-Event-ID`, where the stream can be resumed.' },
      event: { type: 'string', description: '`message`, or `problem` for a failure after the beginning.' },
      data: { type: 'string', contentMediaType: 'application/json', contentSchema: message },
    },
    required: ['data'],
  };
}
