import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getOption } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { method as methodPolicy } from '@weft/gen/es/weft/policy/v1/policy_pb';
import { current, type Offered } from './openapi-document.ts';

const guide = readFileSync(join(import.meta.dirname, '../../docs/api-guide.md'), 'utf8');

/** The text between two headings. */
const section = (heading: string) => guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';

const written = ({ binding: { verb, path } }: Offered) => `\`${verb.toUpperCase()} ${path.replace('/api/v2', '')}`;

const named = (methods: readonly Offered[]) => methods.map(written).sort();

describe('the guide names', () => {
  it('every method that needs an idempotency key, as those that need one', () => {
    const needing = current.offered.filter(({ method }) =>
      method.input.fields.some(({ name }) => name === 'idempotency_key'),
    );
    const [first = ''] = section('Once, and again').split('No other method takes the header');
    expect([...first.matchAll(/`POST [^?`]*/g)].map(([text]) => text).sort()).toEqual(named(needing));
  });

  it('the limit of what everybody behind an address does four times an hour', () => {
    const exchange = current.offered.find(({ method }) => method.name === 'RefreshToken') as Offered;
    const { calls = 0, window } = getOption(exchange.method, methodPolicy).rateLimit ?? {};
    expect(window?.seconds).toBe(3600n);
    expect(section('Limits')).toContain(`has ${calls.toLocaleString('en')} an hour`);
    expect(calls / 4).toBeGreaterThan(200);
  });

  it('every method that refuses somebody else’s name with 403', () => {
    const refusing = current.offered.filter((one) =>
      current.operationOf(one.binding).responses['403']?.['x-reasons']?.includes('NOT_YOURS'),
    );
    const [, text = ''] = section('Who calls').split('403 `NOT_YOURS`');
    expect([...text.matchAll(/`(GET|POST) [^?`]*/g)].map(([text]) => text).sort()).toEqual(named(refusing));
  });
});
