import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@weft/kit/testing';

const MODULE = fileURLToPath(new URL('../../src/telemetry/line-buffer.ts', import.meta.url));
const script = (body: string) => ['--input-type=module', '--eval', `import { LineBuffer } from '${MODULE}'; ${body}`];

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that writes through the buffer into a pipe. */
function writer(body: string) {
  const child = spawn(process.execPath, script(body), { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

describe('buffered lines', () => {
  it('are all there, in order, when the process exits', () => {
    const { stdout } = spawnSync(
      process.execPath,
      script(
        "const out = new LineBuffer(1); for (let i = 0; i < 20000; i++) out.write('line é ' + i + '\\n'); process.exit(0)",
      ),
      { encoding: 'utf8', maxBuffer: 10_000_000 },
    );
    expect(stdout.split('\n')).toEqual([...Array.from({ length: 20_000 }, (_, i) => `line é ${i}`), '']);
  });

  it('are written soon while the process runs on', async () => {
    const child = writer("new LineBuffer(1).write('soon\\n'); process.stdin.resume()");
    let read = '';
    child.stdout.on('data', (data) => {
      read += data;
    });
    await eventually(() => read === 'soon\n');
    child.stdin.end();
    await once(child, 'exit');
  });

  it('that a slow reader leaves no room for are dropped and counted, and hold nobody up', async () => {
    const body = `
      import { Socket } from 'node:net';
      const pipe = new Socket({ fd: 1, readable: false });
      const out = new LineBuffer(1);
      for (let i = 0; i < 5000; i++) out.write('x'.repeat(99) + '\\n');
      process.stderr.write('written');
      process.stdin.on('end', () => process.exit(0)).resume();`;
    const child = writer(body);
    await once(child.stderr, 'data');
    let read = '';
    child.stdout.on('data', (data) => {
      read += data;
    });
    await eventually(() => read.includes('log lines dropped'));
    child.stdin.end();
    await once(child, 'exit');
    const lines = read.trimEnd().split('\n');
    const { lines: dropped } = JSON.parse(lines.pop() ?? '') as { lines: number };
    expect(lines.every((line) => line === 'x'.repeat(99))).toBe(true);
    expect(lines.length + dropped).toBe(5000);
    expect(dropped).toBeGreaterThan(0);
  });

  it('are forgotten when nobody reads any more', async () => {
    const child = writer(
      "const out = new LineBuffer(1); const timer = setInterval(() => out.write('x\\n'.repeat(30000)), 5); process.stdin.on('end', () => clearInterval(timer)).resume()",
    );
    child.stdout.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
