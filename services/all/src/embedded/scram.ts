import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);
const ITERATIONS = 4096;

async function keys(password: string, salt: Buffer, iterations: number): Promise<{ stored: Buffer; server: Buffer }> {
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const client = createHmac('sha256', salted).update('Client Key').digest();
  return {
    stored: createHash('sha256').update(client).digest(),
    server: createHmac('sha256', salted).update('Server Key').digest(),
  };
}

/** What PostgreSQL stores of a password (RFC 5803), so that the password itself is in no statement and no log. */
export async function scramVerifier(password: string): Promise<string> {
  const salt = randomBytes(16);
  const { stored, server } = await keys(password, salt, ITERATIONS);
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored.toString('base64')}:${server.toString('base64')}`;
}

export async function verifierFits(verifier: string | null, password: string): Promise<boolean> {
  const parts = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier ?? '');
  const [, iterations, salt, expected] = parts ?? [];
  if (!iterations || !salt || !expected) return false;
  const { stored } = await keys(password, Buffer.from(salt, 'base64'), Number(iterations));
  const wanted = Buffer.from(expected, 'base64');
  return wanted.length === stored.length && timingSafeEqual(wanted, stored);
}
