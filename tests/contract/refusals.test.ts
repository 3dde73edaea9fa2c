import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { current, type Offered } from './openapi-document.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What workers of a service meet, and no caller of it. */
const INTERNAL: Readonly<Record<string, readonly string[]>> = {
  shipping: ['NOT_FOUND (DELIVERY_ADDRESS_NOT_FOUND)'],
};

const read = (pattern: string) =>
  globSync(pattern, { cwd: ROOT }).map((path) => readFileSync(join(ROOT, path), 'utf8'));

/** Failures that the code of a service makes, as contracts name them. A reason that is not its own, as a provider's, is none. */
function thrownBy(service: string): string[] {
  const source = read(`services/${service}/src/**/*.ts`).join('\n');
  const made = source.matchAll(/(?:super|new DomainError)\(\s*'([a-z-]+)',\s*'([A-Z][A-Z0-9_]*)'/g);
  const named = [...made].map(([, kind = '', reason]) => `${kind.toUpperCase().replaceAll('-', '_')} (${reason})`);
  return [...new Set(named)].filter((one) => !INTERNAL[service]?.includes(one));
}

/** The refusals that comments of a service's methods name. */
function namedBy(service: string): string[] {
  const [contract = ''] = read(`proto/weft/${service}/v1/${service}.proto`);
  return [...contract.matchAll(/((?:^ *\/\/.*\n)+) *rpc /gm)].flatMap(([, comment = '']) =>
    [...comment.replaceAll(/\s*\/\/ ?/g, ' ').matchAll(/\b([A-Z_]+) \(([A-Z][A-Z0-9_, ]*)\)/g)].flatMap(
      ([, code, reasons = '']) => reasons.split(', ').map((reason) => `${code} (${reason})`),
    ),
  );
}

const services = globSync('proto/weft/*/v1', { cwd: ROOT })
  .map((path) => path.split('/')[2] ?? '')
  .filter((name) => globSync(`services/${name}/src/module.ts`, { cwd: ROOT }).length > 0);

describe('every failure', () => {
  it('of a service is looked for where there are some', () => {
    expect(services.filter((service) => thrownBy(service).length > 0).length).toBeGreaterThan(7);
  });

  it.each(services)('that %s makes is named by a method of its contract', (service) => {
    const named = new Set(namedBy(service));
    expect(thrownBy(service).filter((one) => !named.has(one))).toEqual([]);
  });
});

/** The reasons of a status that the document has for a method. */
function reasonsOf({ binding }: Offered, status: string): readonly string[] {
  const response = current.operationOf(binding).responses[status];
  return response ? (current.response(response)['x-reasons'] ?? []) : [];
}

/** What is named by a path that such a method makes, or does not look at. */
const NEVER_MISSING = [
  // It is made.
  'weft.inventory.v1.InventoryService/SetStock',
  // One that was never asked for is recorded as void.
  'weft.payments.v1.PaymentsService/Void',
];

describe('the document names', () => {
  it('what is not there, or not yours, wherever a path names it', () => {
    const named = current.offered.filter(
      (one) => one.binding.pathFields.length > 0 && !NEVER_MISSING.includes(one.name),
    );
    expect(named.length).toBeGreaterThan(20);
    const silent = named.filter(
      (one) => reasonsOf(one, '404').length === 0 && !reasonsOf(one, '403').includes('NOT_YOURS'),
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('what comes of a key that was used, and of a version that is not there any more', () => {
    const taking = (field: string) =>
      current.offered.filter(({ method }) => method.input.fields.some(({ name }) => name === field));
    const unnamed = [
      // Its exchange is refused as REFRESH_TOKEN_INVALID.
      ...taking('idempotency_key')
        .filter(({ method }) => method.name !== 'RefreshToken')
        .filter(
          (one) => !['IDEMPOTENCY_KEY_REUSED', 'REQUEST_IN_PROGRESS'].every((it) => reasonsOf(one, '409').includes(it)),
        ),
      ...taking('expected_version').filter((one) => !reasonsOf(one, '412').includes('VERSION_MISMATCH')),
    ];
    expect(unnamed.map(({ name }) => name)).toEqual([]);
  });
});
