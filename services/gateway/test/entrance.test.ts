import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, Agent as HttpAgent, request as httpRequest, type Server } from 'node:http';
import http2 from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { freePort } from '@weft/kit/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { makeCertificate } from './certificate.ts';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, ORDER_ID, order, product } from './stubs.ts';

let edge: Edge | undefined;
let provider: Server | undefined;
const removals: (() => void)[] = [];
afterEach(async () => {
  await edge?.stop();
  edge = undefined;
  provider?.close();
  for (const remove of removals.splice(0)) remove();
});

const handlers = {
  catalog: { getProduct: async () => ({ product: product() }) },
  orders: { getOrder: async () => ({ order: order() }) },
};

it('speaks HTTP/1.1 and HTTP/2 on one TLS port, as the client chooses', async () => {
  const { key, cert, remove } = makeCertificate();
  removals.push(remove);
  const port = await freePort();
  edge = await openEdge(handlers, {
    GATEWAY_TLS_PORT: `${port}`,
    GATEWAY_TLS_CERT_FILE: cert,
    GATEWAY_TLS_KEY_FILE: key,
  });
  const ca = readFileSync(cert);
  const asked = httpsRequest({ host: 'localhost', port, path: '/api/v2/products/lantern', ca });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  expect([answer.statusCode, answer.httpVersion]).toEqual([200, '1.1']);
  expect(answer.headers['strict-transport-security']).toContain('max-age');
  const large = httpsRequest({ host: 'localhost', port, path: '/', ca, headers: { large: 'x'.repeat(20_000) } }).end();
  const [refused] = await once(large, 'response');
  refused.resume();
  expect([refused.statusCode, refused.headers['content-type']]).toEqual([431, 'application/problem+json']);
  const session = http2.connect(`https://localhost:${port}`, { ca });
  const stream = session.request({ ':path': '/api/v2/products/lantern' });
  const [headers] = await once(stream, 'response');
  expect([headers[':status'], session.alpnProtocol]).toEqual([200, 'h2']);
  stream.close();
  session.close();
});

it('takes the tokens of an OpenID provider that is named by its URL, by one algorithm and no other', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'theirs', alg: 'RS256', use: 'sig' }];
  provider = createServer((request, response) => {
    const documents: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys },
    };
    response.end(JSON.stringify(documents[request.url ?? ''] ?? {}));
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  edge = await openEdge(handlers, {
    IDENTITY_OIDC_ISSUER: issuer,
    IDENTITY_ALGORITHM: 'RS256',
    IDENTITY_ROLES_CLAIM: 'groups',
  });
  const token = (claims: object, from = issuer) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'theirs' })
      .setIssuer(from)
      .setAudience('weft')
      .setSubject(ALICE)
      .setExpirationTime('5m')
      .sign(privateKey);
  const get = async (as: string) => (await (edge as Edge).send(`/api/v2/orders/${ORDER_ID}`, { as })).status;
  expect(await get(await token({ groups: ['nobody'] }))).toBe(403);
  expect(await get(await token({ roles: ['customer'] }))).toBe(401);
  expect(await get(await token({ groups: ['customer'] }, 'https://other.example'))).toBe(401);
  expect(await get(await edge.token())).toBe(401);
  const stubsBelieve = await token({ groups: ['customer'], roles: ['customer'] });
  expect(await get(stubsBelieve)).toBe(200);
});

it('answers on kept connections while it is about to stop, and says that it closes them', async () => {
  const { key, cert, remove } = makeCertificate();
  removals.push(remove);
  const port = await freePort();
  const stopped = await openEdge(handlers, {
    GATEWAY_TLS_PORT: `${port}`,
    GATEWAY_TLS_CERT_FILE: cert,
    GATEWAY_TLS_KEY_FILE: key,
    DRAIN_DELAY_MS: '1500',
    STOP_TIMEOUT_MS: '20000',
  });
  const ca = readFileSync(cert);
  const [agent, agentOfTls] = [new HttpAgent({ keepAlive: true }), new HttpsAgent({ keepAlive: true, ca })];
  const session = http2.connect(stopped.h2c);
  const ask = async () => {
    const path = '/api/v2/products/lantern';
    const asked = [
      httpRequest(`${stopped.http}${path}`, { agent }),
      httpsRequest({ host: 'localhost', port, path, agent: agentOfTls }),
    ];
    const answers = asked.map(async (one) => {
      const [answer] = await once(one.end(), 'response');
      answer.resume();
      await once(answer, 'end');
      return [answer.statusCode, answer.headers.connection, one.reusedSocket];
    });
    const stream = session.request({ ':path': path }).resume();
    const [headers] = await once(stream, 'response');
    return [...(await Promise.all(answers)), [headers[':status'], headers.connection]];
  };
  expect(await ask()).toEqual([
    [200, 'keep-alive', false],
    [200, 'keep-alive', false],
    [200, undefined],
  ]);
  const stopping = stopped.stop();
  expect(await ask()).toEqual([
    [200, 'close', true],
    [200, 'close', true],
    [200, undefined],
  ]);
  for (const one of [agent, agentOfTls, session]) one.destroy();
  await stopping;
});

it('shows its document on a page that takes nothing from anywhere else', async () => {
  edge = await openEdge(handlers);
  const page = await edge.send('/docs');
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.text).not.toMatch(/(?:src|href)="https?:/);
  expect(page.headers.get('content-security-policy')).not.toContain('http');
  const document = await edge.send('/openapi.json');
  expect(document.json.openapi).toMatch(/^3\.1/);
  const etag = document.headers.get('etag') ?? '';
  const again = await edge.send('/openapi.json', { headers: { 'if-none-match': etag } });
  expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
  const plain = await edge.send('/openapi.json', { headers: { 'accept-encoding': 'identity' } });
  expect([plain.headers.get('content-encoding'), plain.text]).toEqual([null, document.text]);
  expect(document.json.paths['/api/v2/orders/{orderId}'].get).toBeDefined();
});

it('sends a document compressed or plain, and not again to whom has it', async () => {
  edge = await openEdge(handlers);
  const tags = new Set<string>();
  for (const path of ['/openapi.json', '/openapi.v1.json', '/docs']) {
    const plain = await edge.send(path, { headers: { 'accept-encoding': 'identity' } });
    const compressed = await edge.send(path, { headers: { 'accept-encoding': 'gzip' } });
    expect([plain.headers.get('content-encoding'), compressed.headers.get('content-encoding')]).toEqual([null, 'gzip']);
    expect(compressed.text).toBe(plain.text);
    const tag = plain.headers.get('etag') ?? '';
    expect(tag).toMatch(/^W\/"[\w-]{16}"$/);
    expect(compressed.headers.get('etag')).toBe(tag);
    expect(compressed.headers.get('vary')).toContain('accept-encoding');
    const again = await edge.send(path, { headers: { 'if-none-match': tag } });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', tag]);
    const other = await edge.send(path, { headers: { 'if-none-match': 'W/"AAAAAAAAAAAAAAAA"' } });
    expect([other.status, other.text]).toEqual([200, plain.text]);
    const head = await edge.send(path, { method: 'HEAD' });
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', tag]);
    tags.add(tag);
  }
  expect(tags.size).toBe(3);
});

it('names both documents on its page', async () => {
  edge = await openEdge(handlers);
  const { text } = await edge.send('/docs');
  expect(text.match(/href="[^"]+"/g)).toEqual(['href="/openapi.json"', 'href="/openapi.v1.json"']);
});

it.each(['/openapi.json', '/openapi.v1.json'])('has a route for each operation of %s', async (document) => {
  edge = await openEdge(handlers);
  const { paths } = (await edge.send(document)).json as { paths: Record<string, Record<string, object>> };
  const operations = Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => [verb, path]));
  expect(operations.length).toBeGreaterThan(30);
  for (const [verb = '', path = ''] of operations) {
    const { json } = await edge.send(path.replaceAll(/\{\w+\}/g, '-'), { method: verb.toUpperCase() });
    expect([verb, path, json?.reason]).not.toEqual([
      verb,
      path,
      expect.stringMatching(/NO_SUCH_PATH|METHOD_NOT_ALLOWED/),
    ]);
  }
});
