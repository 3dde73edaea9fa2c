import { type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Contracts, GeneratedFile } from '../output.ts';
import { bindingsOf } from './http.ts';
import { operation, tagOf } from './operations.ts';
import { COMMON_RESPONSES, LINKS, PROBLEM } from './problem.ts';
import type { Json, Schema } from './schema.ts';
import { Schemas, textOf } from './schemas.ts';

/** `gen/openapi/openapi.json`: OpenAPI 3.1 of every method that end users may call and that has a path. */
export function openApiFiles(contracts: Contracts): GeneratedFile[] {
  const content = `${JSON.stringify(openApi(contracts), null, 2)}\n`;
  return [{ path: 'gen/openapi/openapi.json', content }];
}

function openApi({ services }: Contracts): Schema {
  const offered = [...new Set(services.flatMap(({ grpc }) => grpc))].filter(({ methods }) => methods.some(isOffered));
  const schemas = new Schemas(offered.flatMap(({ methods }) => methods.filter(isOffered).map(({ output }) => output)));
  const paths = new Map<string, Map<string, Json>>();
  const ids = new Set<string>();
  for (const service of offered) {
    for (const method of service.methods.filter(isOffered)) {
      bindingsOf(method).forEach((binding, index) => {
        const id = operationIdOf(method, service, index, ids);
        const verbs = paths.get(binding.path) ?? new Map<string, Json>();
        if (verbs.has(binding.verb)) throw new Error(`${binding.verb} ${binding.path} is there twice`);
        verbs.set(binding.verb, operation(service, method, binding, id, schemas));
        paths.set(binding.path, verbs);
      });
    }
  }
  schemas.add('Problem', PROBLEM);
  schemas.add('Links', LINKS);
  return {
    openapi: '3.1.1',
    info: INFO,
    servers: [{ url: '/', description: 'The server that serves this document.' }],
    security: [{ bearer: [] }],
    tags: offered.map((service) => ({ name: tagOf(service), description: textOf(service) })),
    paths: Object.fromEntries(
      [...paths].sort(byKey).map(([path, verbs]) => [path, Object.fromEntries([...verbs].sort(byKey))]),
    ),
    components: { schemas: schemas.all(), ...COMPONENTS },
  };
}

const byKey = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);

function isOffered(method: DescMethod): boolean {
  return (
    hasOption(method, methodPolicy) && getOption(method, methodPolicy).roles.length > 0 && bindingsOf(method).length > 0
  );
}

/** Clients name their functions by it. */
function operationIdOf(method: DescMethod, service: DescService, index: number, taken: Set<string>): string {
  const base =
    taken.has(method.localName) && index === 0 ? `${tagOf(service).toLowerCase()}${method.name}` : method.localName;
  const id = index === 0 ? base : `${base}${index + 1}`;
  if (taken.has(id)) throw new Error(`there are two operations ${id}`);
  taken.add(id);
  return id;
}

const INFO = {
  title: 'Weft',
  version: '2',
  summary: 'A shop: accounts, catalogue, stock, orders, payments, shipping and notifications.',
  description:
    'Written from the contracts in proto/. Names and rules are theirs; the same methods are offered over gRPC, gRPC-Web and Connect. ' +
    'Numbers of 64 bits are strings, enums are names, times are RFC 3339. A body may have the first two as numbers ' +
    'as well, and null for what it could leave out. Fields that an answer has and this document has not ' +
    'are to be passed over: they come with newer versions.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const text = (description: string, schema: Schema): Schema => ({ description, schema });

const COMPONENTS = {
  securitySchemes: {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The `accessToken` that `Login` and `RefreshToken` answer; good for a quarter of an hour.',
    },
  },
  responses: {
    ...COMMON_RESPONSES,
    Refused: {
      description: 'Refused.',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  },
  parameters: {
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      description: 'An ETag: the change is made to that version alone.',
      schema: { type: 'string' },
      example: '"v5.Yw3xAbc0123456de"',
    },
    IfNoneMatch: {
      name: 'If-None-Match',
      in: 'header',
      description: 'An ETag: the answer is 304 where nothing has changed.',
      schema: { type: 'string' },
    },
    CorrelationId: {
      name: 'X-Correlation-Id',
      in: 'header',
      description: 'Goes on with everything that the request leads to. One is made up for what is none.',
      schema: { type: 'string' },
      example: '5f0c3f0e-7a0b-4f7e-9d53-3a0c1c6a9b11',
    },
  },
  headers: {
    CorrelationId: text('By which the request is found in logs and traces.', { type: 'string' }),
    ETag: text('Of this version: send it as `If-None-Match`, or as `If-Match` with a change.', { type: 'string' }),
    Link: text('`rel="next"`: the next page. Absent on the last one.', { type: 'string' }),
    Location: text('Where it is.', { type: 'string' }),
    RateLimit: text('What is left (`r`) until the next window, in `t` seconds.', { type: 'string' }),
    RateLimitPolicy: text('How many requests (`q`) a window of `w` seconds has.', { type: 'string' }),
  },
} satisfies Schema;
