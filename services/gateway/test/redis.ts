import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { eventually, freePort } from '@weft/kit/testing';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of a test's own, which forgets all when it stops. */
export async function startRedis(port?: number) {
  const own = port ?? (await freePort());
  const server = spawn('redis-server', ['--port', `${own}`, '--save', '', '--appendonly', 'no'], { stdio: 'pipe' });
  const cli = (...args: string[]) => spawnSync('redis-cli', ['-p', `${own}`, ...args]).stdout.toString();
  await eventually(() => cli('ping').includes('PONG'));
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    cli,
    async stop() {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
}
