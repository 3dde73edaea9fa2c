import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './stage.ts';

export interface TestNats {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** As kill -9 does. */
  kill(): Promise<void>;
  /** Kills it, and starts it again on what it had stored. */
  restart(): Promise<void>;
  drop(): Promise<void>;
}

const REQUIRED = (process.env.WEFT_REQUIRE ?? '').split(',').includes('nats');

/** Where there is no nats-server on the path, tests that need one are skipped, unless WEFT_REQUIRE names it: then they fail. */
export const hasNats = REQUIRED || spawnSync('nats-server', ['--version']).status === 0;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A nats-server with JetStream on a free port and a folder of its own. @param args of its command line besides */
export async function startNats(args: readonly string[] = []): Promise<TestNats> {
  const port = await freePort();
  const folder = join(process.env.WEFT_TEST_FOLDER ?? tmpdir(), `nats-${randomBytes(6).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    if (child) running.delete(child);
  };
  const start = async () => {
    const where = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', folder];
    let output = '';
    const started = spawn('nats-server', [...where, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-4_000);
    });
    started.on('error', (error) => {
      output = error.message;
    });
    child = started;
    running.add(started);
    await eventually(async () => {
      if (started.exitCode !== null || started.pid === undefined) throw new Error(`nats-server ended: ${output}`);
      return answers(port);
    });
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    start,
    kill,
    async restart() {
      await kill();
      await start();
    },
    async drop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (outcome: boolean) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
  });
}
