import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

type Schema = Record<string, unknown>;

interface OpenApi {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Writes what the cluster's own API says of these API versions as JSON schemas, one a kind, into a folder that kubeconform reads as
 * `{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json`. Fields that are not in a schema are errors.
 */
export async function writeSchemas(cluster: Cluster, apiVersions: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const apiVersion of apiVersions) {
    const path = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
    const { components = {} } = JSON.parse(await cluster.kubectl(['get', '--raw', `/openapi/v3/${path}`])) as OpenApi;
    const schemas = Object.fromEntries(
      Object.entries(components.schemas ?? {}).map(([name, schema]) => [name, closed(schema) as Schema]),
    );
    for (const [name, schema] of Object.entries(schemas)) {
      const [one] = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly Kind[];
      if (!one || [one.group, one.version].filter(Boolean).join('/') !== apiVersion) continue;
      // kubeconform calls the core group by its version.
      const file = `${one.group || one.version}_${one.version}_${one.kind.toLowerCase()}.json`;
      const whole = { $ref: `#/components/schemas/${name}`, components: { schemas } };
      await writeFile(join(folder, file), JSON.stringify(whole));
    }
  }
}

/** As JSON schema has it: what OpenAPI says otherwise is said so, and an object has no fields beside its own. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one)])) as Schema;
  // A wrapper of a reference has a default beside it, which older drafts do not read.
  if (Array.isArray(schema.allOf) && schema.allOf.length === 1 && !schema.properties)
    Object.assign(schema, schema.allOf[0]);
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string') return { type: ['integer', 'string'] };
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === 'object' && schema.properties && !open && schema.additionalProperties === undefined)
    schema.additionalProperties = false;
  return schema;
}
