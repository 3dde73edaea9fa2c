import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Binding, bindingsOf } from '../../kit/src/codegen/openapi/http.ts';
import { services } from './contracts.ts';

export interface Operation {
  readonly operationId: string;
  readonly deprecated?: boolean;
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': Media } };
  readonly responses: Readonly<Record<string, Response>>;
  readonly 'x-roles': readonly string[];
  readonly 'x-grpc-method': string;
}

export interface Response {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, Media>>;
  readonly 'x-reasons'?: readonly string[];
}

export interface Media {
  readonly schema: object;
  readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, Response>>;
    readonly headers: Readonly<Record<string, { readonly required?: boolean }>>;
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, object>> }>>;
  };
}

/** A method that end users may call, by one of its paths. */
export interface Offered {
  readonly method: DescMethod;
  readonly binding: Binding;
  readonly name: string;
}

export type OpenApi = ReturnType<typeof readOpenApi>;

function readOpenApi(file: string, version: string) {
  const text = readFileSync(join(import.meta.dirname, '../../gen/openapi', file), 'utf8');
  const document = JSON.parse(text) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // The default export of a CommonJS module, as Node and TypeScript see it.
  (addFormats as unknown as (to: Ajv2020) => void)(ajv);
  const compiled = new Map<string, ValidateFunction>();
  ajv.addSchema({ $id: 'weft', components: document.components });
  const offered: Offered[] = services.flatMap((service) =>
    service.methods
      .filter((method) => getOption(method, methodPolicy).roles.length > 0)
      .flatMap((method) =>
        bindingsOf(method, `/api/${version}`).map((binding) => ({
          method,
          binding,
          name: `${service.typeName}/${method.name}`,
        })),
      ),
  );
  return {
    version,
    text,
    document,
    offered,
    operations: Object.values(document.paths).flatMap((verbs) => Object.values(verbs)),
    operationOf: ({ path, verb }: Pick<Binding, 'path' | 'verb'>) => document.paths[path]?.[verb] as Operation,
    /** A response, where it is a reference as well. */
    response(response: Response): Response {
      const { $ref } = response as { $ref?: string };
      return $ref === undefined ? response : (document.components.responses[$ref.split('/').at(-1) ?? ''] as Response);
    },
    /** Whether a schema of the document accepts a value. */
    compile(schema: object): ValidateFunction {
      const text = JSON.stringify(schema).replaceAll('"#/', '"weft#/');
      const known = compiled.get(text) ?? ajv.compile(JSON.parse(text) as object);
      compiled.set(text, known);
      return known;
    },
  };
}

export const mediaOf = (operation: Operation) => operation.requestBody?.content['application/json'];

/** What is said of a response of one kind; throws where the document has none. */
export function answerOf({ operationId, responses }: Operation, status: string, type = 'application/json'): Media {
  const media = responses[status]?.content?.[type];
  if (!media) throw new Error(`${operationId} has no ${status} of ${type}`);
  return media;
}

/** The current version’s document. */
export const current = readOpenApi('openapi.json', 'v2');
/** The one before, with names of its own. */
export const earlier = readOpenApi('openapi.v1.json', 'v1');
