import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { openJetStreamBus } from '../../src/events/jetstream/index.ts';
import { numbered } from '../../src/testing/bus-fixture.ts';
import { eventually } from '../../src/testing/eventually.ts';
import { startNats, type TestNats } from '../../src/testing/nats.ts';
import { describeJetStream } from './drivers.ts';

const PASSWORD = 'pass:word/42';

describeJetStream('with nats-server on the path', () => {
  let server: TestNats | undefined;
  const logs: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void logs.push(line) });
  afterEach(() => server?.drop());

  it('signs in with the user and the password of its URL, and tells nobody', async () => {
    server = await startNats(['--user', 'orders', '--pass', PASSWORD]);
    const urlOf = (password: string) => `nats://orders:${encodeURIComponent(password)}@127.0.0.1:${server?.port}`;
    const right = openJetStreamBus({ url: urlOf(PASSWORD), name: 'test', logger });
    await eventually(() => right.check().then(() => true));
    await right.publish([numbered('a', 1)]);
    const wrong = openJetStreamBus({ url: urlOf(`${PASSWORD}!`), name: 'test', logger });
    const refusal = await wrong.check().catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ kind: 'unavailable' });
    await server.restart();
    await eventually(() => right.check().then(() => true));
    await Promise.all([right.close(), wrong.close()]);
    const told = `${logs.join('')}${refusal} ${String((refusal as Error).cause)}`;
    expect(told).toMatch(/authorization violation/i);
    expect(told).not.toContain('word/42');
    expect(told).not.toContain(encodeURIComponent(PASSWORD));
  });

  it('speaks TLS to a server whose certificate it can trust, and to no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-tls-'));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    expect(spawnSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject]).status).toBe(0);
    server = await startNats(['--tls', '--tlscert', cert, '--tlskey', key]);
    const url = `nats://localhost:${server.port}`;
    const bus = openJetStreamBus({ url, caFile: cert, name: 'test', logger });
    await eventually(() => bus.check().then(() => true));
    await bus.publish([numbered('a', 1)]);
    const distrustful = openJetStreamBus({ url: url.replace('nats:', 'tls:'), name: 'test', logger });
    await expect(distrustful.check()).rejects.toMatchObject({ kind: 'unavailable' });
    await Promise.all([bus.close(), distrustful.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('shows its own certificate to a server that asks for one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-tls-'));
    const file = (name: string) => join(folder, name);
    const openssl = (...args: string[]) => expect(spawnSync('openssl', args, { cwd: folder }).status).toBe(0);
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const authority = (name: string) =>
      openssl(
        'req',
        '-x509',
        ...ec,
        '-days',
        '2',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
        '-subj',
        `/CN=${name}`,
      );
    const signed = async (name: string, by: string) => {
      await writeFile(file(`${name}.ext`), 'subjectAltName=DNS:localhost');
      openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      const ca = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...ca,
        '-days',
        '2',
        '-extfile',
        `${name}.ext`,
        '-out',
        `${name}.pem`,
      );
    };
    authority('ours');
    authority('theirs');
    await signed('server', 'ours');
    await signed('orders', 'ours');
    await signed('stranger', 'theirs');
    const tls = ['--tlscert', file('server.pem'), '--tlskey', file('server.key'), '--tlscacert', file('ours.pem')];
    server = await startNats(['--tlsverify', ...tls]);
    const url = `nats://localhost:${server.port}`;
    const open = (name?: string) =>
      openJetStreamBus({
        url,
        caFile: file('ours.pem'),
        ...(name && { certFile: file(`${name}.pem`), keyFile: file(`${name}.key`) }),
        name: 'test',
        logger,
      });
    const [known, stranger, nobody] = [open('orders'), open('stranger'), open()];
    await eventually(() => known.check().then(() => true));
    await known.publish([numbered('a', 1)]);
    await expect(stranger.check()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(nobody.check()).rejects.toMatchObject({ kind: 'unavailable' });
    await Promise.all([known.close(), stranger.close(), nobody.close()]);
    await rm(folder, { recursive: true, force: true });
  });
});
