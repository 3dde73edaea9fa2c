import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasNats, startNats, type TestNats } from '@weft/kit/testing';
import { hasHelm, objectsOf, ROOT, render } from './render.ts';

const SEED = 'seed';

/** What a server answers to a sign-in: `PONG`, or why not. */
function signIn(port: number, user: string, pass: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer after ${said}`)));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      said += chunk;
      if (said.startsWith('INFO') && said.includes('\r\n') && socket.bytesWritten === 0)
        socket.write(`CONNECT ${JSON.stringify({ user, pass, verbose: false, pedantic: false })}\r\nPING\r\n`);
      const answer = /^(PONG|-ERR.*)\r$/m.exec(said)?.[1];
      if (answer === undefined) return;
      socket.destroy();
      resolve(answer);
    });
  });
}

// Without helm and nats-server this is skipped: npm test says so.
(hasHelm && hasNats ? describe : describe.skip)('the NATS of charts/backing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nats-'));
  const urls: URL[] = [];
  let nats: TestNats;

  beforeAll(async () => {
    const secrets = new Map<string, Record<string, string>>();
    for (const one of objectsOf(render({ chart: 'backing', set: [`seed=${SEED}`] })))
      if (one.kind === 'Secret')
        secrets.set(one.metadata.name, (one as { stringData?: Record<string, string> }).stringData ?? {});
    for (const { NATS_URL } of secrets.values()) if (NATS_URL) urls.push(new URL(NATS_URL));
    const file = (name: string, text = '') => writeFileSync(join(folder, name), text);
    file('accounts.conf', secrets.get('nats-accounts')?.['accounts.conf']);
    const conf = secrets.get('nats')?.['nats.conf'] ?? '';
    // Where it listens and keeps things is another matter here.
    file('nats.conf', conf.replace(/^(listen|http|pid_file|jetstream).*\n/gm, ''));
    nats = await startNats(['--config', join(folder, 'nats.conf')]);
  });
  afterAll(async () => {
    await nats?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets in each service with the password of its URL, which follows from the seed, and nobody else', async () => {
    expect(urls.length).toBeGreaterThan(5);
    for (const { username, password } of urls) {
      expect([username, await signIn(nats.port, username, password)]).toEqual([username, 'PONG']);
      // As k8s/README.md has it.
      const made = createHash('sha256').update(`${SEED}/nats/${username}`).digest('hex').slice(0, 32);
      expect([username, password]).toEqual([username, made]);
      expect(await signIn(nats.port, username, `${password}0`)).toContain('Authorization Violation');
    }
    expect(await signIn(nats.port, 'stranger', '')).toContain('Authorization Violation');
  });

  it('has its accounts in a file of their own, which the servers of production include', () => {
    expect(readFileSync(join(folder, 'accounts.conf'), 'utf8')).toMatch(/^accounts \{/);
    expect(readFileSync(join(folder, 'nats.conf'), 'utf8')).toContain('include ./accounts.conf');
    const production = readFileSync(join(ROOT, 'k8s/production/nats.yaml'), 'utf8');
    expect(production).toContain('$include: ../nats-accounts/accounts.conf');
    expect(production).toContain('secretName: nats-accounts');
    expect(production).toContain('-s templates/nats-accounts.yaml');
  });
});
