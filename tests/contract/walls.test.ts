import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
const WORKSPACES = ['gen', 'kit', 'services/all', 'services/orders', 'services/users', 'clients/cli'];
const PACKAGES = ['pg', 'kysely', '@opentelemetry/sdk-metrics', '@nats-io/jetstream'];

const ALLOWED: Readonly<Record<string, string>> = {
  'gen/grpc/weft/orders/v1/orders.ts': 'export interface Order {}',
  'gen/es/weft/orders/v1/orders_pb.js': 'export const OrderSchema = {};',
  'gen/es/weft/orders/v1/orders_pb.d.ts': 'export declare const OrderSchema: object;',
  'kit/src/failure/index.ts': 'export class DomainError extends Error {}',
  'kit/src/store/index.ts': "import pg from 'pg'; import { Kysely } from 'kysely'; export const x = [pg, Kysely];",
  'kit/src/telemetry/index.ts': "export * from '@opentelemetry/sdk-metrics';",
  'kit/src/events/jetstream/index.ts': "export * from '@nats-io/jetstream';",
  'kit/src/rpc/inner.ts': 'export interface Inner {}',
  'kit/src/rpc/index.ts': "export type * from './inner.ts'; export const rpc = 1;",
  'kit/src/rpc/circle.ts': "export * from './circle-back.ts';",
  'kit/src/rpc/circle-back.ts': 'export const back = 1;',
  'services/orders/src/domain/order.ts':
    "import { DomainError } from '@weft/kit/failure'; export class Closed extends DomainError {}",
  'services/orders/src/transport/handlers.ts':
    "import type { Order } from '@weft/gen/grpc/weft/orders/v1/orders'; import { OrderSchema } from '@weft/gen/es/weft/orders/v1/orders_pb'; import { rpc } from '@weft/kit/rpc'; export const handlers = [OrderSchema, rpc] as (Order | unknown)[];",
  'services/orders/src/module.ts': "export * from './transport/handlers.ts'; export * from './domain/order.ts';",
  'services/users/src/module.ts': 'export const users = 1;',
  'services/users/src/inner.ts': 'export interface Inner {}',
  'services/all/src/main.ts': "export * from '@weft/orders/module'; export * from '@weft/users/module';",
  'services/all/src/embedded/index.ts': "export * from '../main.ts';",
  'clients/cli/src/main.ts':
    "const { rpc } = await import('@weft/kit/rpc'); export * from '@weft/all/embedded'; export type * from '@weft/gen/grpc/weft/orders/v1/orders'; export const y = rpc;",
};

const FORBIDDEN: readonly (readonly [rule: string, file: string, source: string])[] = [
  ['resolves', 'kit/src/rpc/typo.ts', "import '@weft/kit/rcp';"],
  ['no-cycles', 'kit/src/rpc/circle-back.ts', "export * from './circle.ts';"],
  ['kit-knows-no-service', 'kit/src/rpc/service.ts', "export * from '@weft/orders/module';"],
  ['gen-knows-nobody', 'gen/grpc/kit.ts', "export * from '@weft/kit/rpc';"],
  ['services-are-strangers', 'services/orders/src/app/package.ts', "export * from '@weft/users/module';"],
  ['services-are-strangers', 'services/orders/src/app/type.ts', "export type * from '../../../users/src/inner.ts';"],
  ['services-are-strangers', 'services/orders/test/a.test.ts', "await import('../../users/src/inner.ts');"],
  ['all-enters-by-module', 'services/all/src/inner.ts', "export type * from '../../users/src/inner.ts';"],
  ['clients-call', 'clients/cli/src/service.ts', "export * from '@weft/orders/module';"],
  ['clients-call', 'clients/cli/src/all.ts', "export * from '../../../services/all/src/main.ts';"],
  ['kit-by-its-rooms', 'services/orders/src/app/inner.ts', "export type * from '../../../../kit/src/rpc/inner.ts';"],
  ['domain-is-pure', 'services/orders/src/domain/random.ts', "export { randomUUID } from 'node:crypto';"],
  ['domain-is-pure', 'services/orders/src/domain/sql.ts', "export { Kysely } from 'kysely';"],
  ['domain-is-pure', 'services/orders/src/domain/kit.ts', "export * from '@weft/kit/rpc';"],
  ['domain-is-pure', 'services/orders/src/domain/up.ts', "export type * from '../transport/handlers.ts';"],
  [
    'contracts-stay-at-the-edge',
    'services/orders/src/app/gen.ts',
    "export type * from '@weft/gen/grpc/weft/orders/v1/orders';",
  ],
  ['kit-database-in-store', 'kit/src/rpc/pg.ts', "import pg from 'pg'; export const x = pg;"],
  ['kit-database-in-store', 'kit/src/rpc/kysely.ts', "import type { Kysely } from 'kysely'; export type X = Kysely;"],
  ['telemetry-sdk-in-telemetry', 'services/orders/src/sdk.ts', "export * from '@opentelemetry/sdk-metrics';"],
  ['nats-in-jetstream', 'kit/src/events/nats.ts', "export * from '@nats-io/jetstream';"],
];

const root = realpathSync(mkdtempSync(join(tmpdir(), 'weft-walls-')));

function write(path: string, source: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${source}\n`);
}

/** What breaks a wall in the copy of the house: "rule file", sorted. */
function violations(): string[] {
  const args = [CRUISER, '--config', CONFIG, '--output-type', 'json', 'gen', 'kit', 'services', 'clients'];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  const result: { summary: { violations: { rule: { name: string }; from: string }[] } } = JSON.parse(run.stdout);
  return [...new Set(result.summary.violations.map(({ rule, from }) => `${rule.name} ${from}`))].sort();
}

beforeAll(() => {
  for (const workspace of WORKSPACES) {
    mkdirSync(join(root, workspace), { recursive: true });
    copyFileSync(join(ROOT, workspace, 'package.json'), join(root, workspace, 'package.json'));
    const link = join(root, 'node_modules/@weft', workspace.replace(/^.*\//, ''));
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, workspace), link, 'junction');
  }
  for (const name of PACKAGES) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: 'module', exports: './dist/index.js' }));
    write(`node_modules/${name}/dist/index.js`, 'export const it = 1;');
  }
  for (const [path, source] of Object.entries(ALLOWED)) write(path, source);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the walls of the house', () => {
  it('let pass what the design allows, then stop what it forbids, by package name, by path and by type', () => {
    expect(violations()).toEqual([]);
    for (const [, path, source] of FORBIDDEN) write(path, source);
    expect(violations()).toEqual(FORBIDDEN.map(([rule, path]) => `${rule} ${path}`).sort());
  });

  it('are each tried by this test', () => {
    const { forbidden } = createRequire(import.meta.url)(CONFIG);
    const rules = forbidden.map((rule: { name: string }) => rule.name);
    expect([...new Set(FORBIDDEN.map(([rule]) => rule))].toSorted()).toEqual(rules.toSorted());
  });
});
