import { type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import type { Contracts, GeneratedFile } from '../output.ts';
import { headersOf } from './headers.ts';
import { bindingsOf } from './http.ts';
import { operation, tagOf } from './operations.ts';
import { DEGRADED, LINKS } from './parts.ts';
import { problem } from './problem.ts';
import type { Json, Schema } from './schema.ts';
import { textOf } from './text.ts';
import { type Version, versionsOf } from './versions.ts';
import { writingOf } from './writing.ts';

/**
 * `gen/openapi/openapi.json`, and `openapi.v1.json` of an earlier version: OpenAPI 3.1 of every method that end users may call and
 * that has a path.
 */
export function openApiFiles(contracts: Contracts): GeneratedFile[] {
  return versionsOf(contracts).map((version) => ({
    path: `gen/openapi/openapi.${version.deprecated ? `${version.name}.` : ''}json`,
    content: `${JSON.stringify(openApi(contracts, version), null, 2)}\n`,
  }));
}

function openApi({ services, files }: Contracts, version: Version): Schema {
  const offered = [...new Set(services.flatMap(({ grpc }) => grpc))].filter(({ methods }) => methods.some(isOffered));
  const writing = writingOf(version, offered.flatMap(({ methods }) => methods).filter(isOffered), files);
  const { schemas, refusals } = writing;
  const paths = new Map<string, Map<string, Json>>();
  const ids = new Set<string>();
  for (const service of offered) {
    for (const method of service.methods.filter(isOffered)) {
      bindingsOf(method, version.mount).forEach((binding, index) => {
        const id = operationIdOf(method, service, index, ids);
        const verbs = paths.get(binding.path) ?? new Map<string, Json>();
        if (verbs.has(binding.verb)) throw new Error(`${binding.verb} ${binding.path} is there twice`);
        verbs.set(binding.verb, operation(service, method, binding, id, writing));
        paths.set(binding.path, verbs);
      });
    }
  }
  schemas.add('Problem', problem(version.mount));
  schemas.add('Links', LINKS);
  schemas.add('Degraded', DEGRADED);
  return {
    openapi: '3.1.1',
    info: infoOf(version),
    servers: [{ url: '/', description: 'The server that serves this document.' }],
    security: [{ bearer: [] }],
    tags: offered.map((service) => ({ name: tagOf(service), description: textOf(service) })),
    paths: Object.fromEntries(
      [...paths].sort(byKey).map(([path, verbs]) => [path, Object.fromEntries([...verbs].sort(byKey))]),
    ),
    components: {
      schemas: schemas.all(),
      securitySchemes: SECURITY_SCHEMES,
      responses: refusals.common,
      parameters: PARAMETERS,
      headers: headersOf(version),
    },
  };
}

const byKey = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);

function isOffered(method: DescMethod): boolean {
  return (
    hasOption(method, methodPolicy) &&
    getOption(method, methodPolicy).roles.length > 0 &&
    bindingsOf(method, '').length > 0
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

const DESCRIPTION =
  'Written from the contracts in proto/. Names and rules are theirs; the same methods are offered over gRPC, gRPC-Web and Connect. ' +
  'Numbers of 64 bits are strings, enums are names, times are RFC 3339. A body may have the first two as numbers ' +
  'as well, and null for what it could leave out. Fields that an answer has and this document has not ' +
  'are to be passed over: they come with newer versions.';

function infoOf({ name, mount, deprecated }: Version): Schema {
  const day = (date: Date) => date.toISOString().slice(0, 10);
  const end =
    deprecated &&
    ` ${mount} is deprecated since ${day(deprecated.since)} and there until ${day(deprecated.sunset)}: ` +
      `/api/${deprecated.successor} takes its place.`;
  return {
    title: 'Weft',
    version: name.replace(/^v/, ''),
    summary: 'A shop: accounts, catalogue, stock, orders, payments, shipping and notifications.',
    description: DESCRIPTION + (end ?? ''),
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  };
}

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `accessToken` that `Login` and `RefreshToken` answer; good for a quarter of an hour.',
  },
} satisfies Schema;

const PARAMETERS = {
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'An ETag: the change is made to that version alone.',
    schema: { type: 'string' },
    example: '"v5.b1Xk0qYw3xAbc0123456de"',
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
} satisfies Schema;
