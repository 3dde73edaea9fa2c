import { create, type DescField, type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DomainError } from '@weft/kit/failure';
import { callMetrics, type GeneratedService, type HandlersOf, serveService } from '@weft/kit/rpc';
import { createMetrics } from '@weft/kit/telemetry';
import { some } from '@weft/kit/testing';
import { contracts } from './contracts.ts';
import { type Issuer, openIssuer } from './issuer.ts';
import { rawClient } from './raw-call.ts';
import { stage } from './stage.ts';

const { serve, after } = stage();
let issuer: Issuer;
beforeAll(async () => {
  issuer = await openIssuer();
});
afterAll(() => issuer.close());

const MARK = 'zq7marked';
const methods = contracts.flatMap(({ descriptor }) => descriptor.methods);
const isRedacted = (field: DescField) => field.proto.options?.debugRedact === true;

/** Texts that pass the rules of a field of this name, so that handlers see them, with the mark in each. */
const VALID: Readonly<Record<string, string>> = {
  email: `${MARK}@shop.example`,
  payment_method_token: `tok_${MARK}`,
};
const known = (field: DescField) => VALID[field.name] ?? `${MARK} and more`;

/** A request whose redacted texts are marked and whose other texts are UUIDs, nested messages included. */
function marked(desc: DescMessage, text: (field: DescField) => string): Message {
  const message = reflect(desc, create(desc));
  for (const field of desc.fields) {
    if (field.fieldKind === 'scalar' && field.scalar === 9) {
      message.set(field, isRedacted(field) ? text(field) : '11111111-1111-4111-8111-111111111111');
    } else if (field.fieldKind === 'message') {
      message.set(field, reflect(field.message, marked(field.message, text)));
    }
  }
  return message.message;
}

const redacted = (desc: DescMessage): DescField[] =>
  desc.fields.flatMap((field) => [
    ...(isRedacted(field) ? [field] : []),
    ...(field.message ? redacted(field.message) : []),
  ]);

/** Sends every request in every way that it may be wrong, and gives all that was written down meanwhile. */
async function everythingSaid(handler: (request: unknown) => unknown) {
  const metrics = createMetrics('1');
  after(() => metrics.stop());
  const handlers = (generated: GeneratedService) =>
    Object.fromEntries(
      Object.entries(generated).map(([name, { responseStream }]) => [
        name,
        responseStream
          ? async function* (request: unknown) {
              yield handler(request);
            }
          : async (request: unknown) => handler(request),
      ]),
    );
  const bindings = contracts.map(({ generated, descriptor }) =>
    serveService(generated, descriptor, some(generated, handlers(generated) as Partial<HandlersOf<GeneratedService>>)),
  );
  const observers = [callMetrics(metrics, 'test', '1')];
  const served = await serve(bindings, { jwksUrl: issuer.url, observers });
  const raw = rawClient(served.target);
  after(() => raw.close());
  const headers = { authorization: `Bearer ${await issuer.token(['admin'])}`, 'weft-caller': 'checkout' };
  const answers: string[] = [];
  for (const method of methods) {
    const path = `/${method.parent.typeName}/${method.name}`;
    const send = method.methodKind === 'unary' ? raw.unary : raw.stream;
    const valid = toBinary(method.input, marked(method.input, known));
    const wrong = toBinary(
      method.input,
      marked(method.input, () => `${MARK}\u0000${'x'.repeat(5000)}`),
    );
    const requests = [valid, wrong, valid.subarray(0, valid.length - 1), Buffer.concat([valid, Buffer.from([0x0f])])];
    for (const request of requests) {
      const { error } = await send(path, request, headers);
      answers.push(JSON.stringify([error?.code, error?.details, error?.metadata.toJSON()]));
      const [details] = error?.metadata.get('grpc-status-details-bin') ?? [];
      if (details) answers.push(details.toString());
    }
  }
  const spans = served.spans.map(({ name, attributes, status, events, links }) =>
    JSON.stringify({ name, attributes, status, events, links }),
  );
  return { lines: served.lines, spans, answers };
}

describe('a field that the contract redacts', () => {
  it('is in our requests, or this test says nothing', () => {
    const names = methods.flatMap((method) => redacted(method.input).map(({ name }) => `${method.name}.${name}`));
    expect(names).toEqual(
      expect.arrayContaining(['Login.password', 'Register.full_name', 'Authorize.payment_method_token']),
    );
  });

  it.each<[string, (request: unknown) => unknown]>([
    ['the call succeeds', () => ({})],
    [
      'the handler refuses',
      () => {
        throw new DomainError('failed-precondition', 'NOT_NOW', 'not now');
      },
    ],
    [
      'the handler fails',
      () => {
        throw new TypeError('cannot read this');
      },
    ],
  ])('is in no log line, no span and no error when %s', async (_, handler) => {
    const { lines, spans, answers } = await everythingSaid(handler);
    expect(lines.length).toBeGreaterThanOrEqual(methods.length * 4);
    expect(spans.length).toBe(lines.length);
    expect([...lines, ...spans, ...answers].filter((text) => text.includes(MARK))).toEqual([]);
  });
});
