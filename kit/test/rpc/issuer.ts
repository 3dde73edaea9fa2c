import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** Who gives access tokens in these tests: a key pair, its public half served over HTTP. */
export type Issuer = Awaited<ReturnType<typeof openIssuer>>;

export async function openIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA', use: 'sig' };
  const answer = { status: 200, body: JSON.stringify({ keys: [jwk] }) };
  let silent = 0;
  const server = createServer((_, response) => {
    if (silent-- > 0) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    /** The public key as a file holds it. */
    spki: await exportSPKI(publicKey),
    privateKey,
    /** A token for a user, valid for ten minutes. Claims replace those that it would have; undefined leaves one out. */
    token(roles: unknown, claims: Record<string, unknown> = {}, key = privateKey): Promise<string> {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: 'weft', aud: 'weft', sub: 'user-1', iat: now, exp: now + 600, roles, ...claims };
      return new SignJWT(payload as JWTPayload).setProtectedHeader({ alg: 'EdDSA', kid: 'test' }).sign(key);
    },
    /** So many requests get no answer at all. */
    ignore(requests: number) {
      silent = requests;
    },
    /** What is served instead of the keys. */
    serve(status: number, body: string) {
      Object.assign(answer, { status, body });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
}
