import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MOST_CHANGES = 50;

/**
 * Opens an account, signs in, orders one of a product and follows the order until it is completed, all with curl. Gives its states, and as
 * the last one what it is read as after that.
 * @param base http://host:port of the gateway, or of an ingress before it
 */
export async function buyByCurl(base: string, productId: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-curl-'));
  try {
    const curl = async (...args: string[]) => (await run('curl', ['-sS', '--max-time', '30', ...args])).stdout;
    const send = async (path: string, body: object, ...more: string[]) => {
      const type = ['-H', 'content-type: application/json', '--data', JSON.stringify(body)];
      return JSON.parse(await curl(...type, ...more, `${base}/api/v2${path}`));
    };
    const login = { email: `${randomUUID()}@shop.example`, password: 'correct horse' };
    await send('/users', { ...login, fullName: 'A Customer' });
    const { accessToken } = await send('/users:login', login);
    // A token in an argument is seen by whoever lists processes.
    const config = join(folder, 'curlrc');
    await writeFile(config, `header = "authorization: Bearer ${accessToken}"\n`, { mode: 0o600 });
    const wanted = { lines: [{ productId, quantity: '1' }], paymentMethodToken: 'tok_approved' };
    const { order } = await send('/orders', wanted, '-K', config, '-H', `idempotency-key: ${randomUUID()}`);
    const states: string[] = [];
    while (states.at(-1) !== 'ORDER_STATUS_COMPLETED') {
      if (states.length > MOST_CHANGES) throw new Error(`the order is not completed: ${states}`);
      const events = await curl('-K', config, '-N', `${base}/api/v2/orders/${order.orderId}:watch`);
      for (const [, data = ''] of events.matchAll(/^data: (.*)$/gm))
        states.push((JSON.parse(data) as { status: string }).status);
    }
    const read = JSON.parse(await curl('-K', config, `${base}/api/v2/orders/${order.orderId}`));
    return [...states, read.order.status];
  } finally {
    await rm(folder, { recursive: true });
  }
}
