import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOM = join(import.meta.dirname, '../../src/fail-point/index.ts');
const SCRIPT = `
  const { failPoint } = await import(${JSON.stringify(ROOM)});
  for (const name of ['other', 'reserved', 'reserved']) {
    try {
      failPoint('stock', name);
      console.log('passed', name);
    } catch (error) {
      console.log(error.message);
    }
  }`;

function run(env: Readonly<Record<string, string>>) {
  const { PATH } = process.env;
  const args = ['--input-type=module', '-e', SCRIPT];
  const { stdout, stderr, signal, status } = spawnSync(process.execPath, args, {
    env: { PATH, ...env },
    encoding: 'utf8',
  });
  return { said: stdout.trim().split('\n'), stderr, signal, status };
}

const PASSED = ['passed other', 'passed reserved', 'passed reserved'];

describe('a fail point', () => {
  it('throws once when it is armed so', () => {
    const { said } = run({ NODE_ENV: 'test', WEFT_FAIL_POINT: 'stock.reserved:throw' });
    expect(said).toEqual(['passed other', 'fail point stock.reserved', 'passed reserved']);
  });

  it('ends the process at once when it is armed so', () => {
    const { said, signal } = run({ NODE_ENV: 'test', WEFT_FAIL_POINT: 'stock.reserved:exit' });
    expect({ said, signal }).toEqual({
      said: ['passed other', '{"failPoint":"stock.reserved"}'],
      signal: 'SIGKILL',
    });
  });

  it('is one of several that are armed', () => {
    const { said } = run({ NODE_ENV: 'test', WEFT_FAIL_POINT: 'stock.reserved:throw:2,stock.other:throw' });
    expect(said).toEqual(['fail point stock.other', 'passed reserved', 'fail point stock.reserved']);
  });

  it('does nothing when it is not armed, nor outside tests', () => {
    expect(run({ NODE_ENV: 'test' }).said).toEqual(PASSED);
    expect(run({ WEFT_FAIL_POINT: 'stock.reserved:exit' }).said).toEqual(PASSED);
  });

  it('refuses what it cannot read', () => {
    const { status, stderr } = run({ NODE_ENV: 'test', WEFT_FAIL_POINT: 'stock.reserved' });
    expect(status).toBe(1);
    expect(stderr).toContain('WEFT_FAIL_POINT must be name:exit or name:throw');
  });
});
