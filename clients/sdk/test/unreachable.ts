import { Code } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createConnectTransport as createWebTransport } from '@connectrpc/connect-web';
import { createWeft, WeftError } from '../src/index.ts';

// A process of its own: in Jest's, errors of Node and of fetch are of another realm than those that libraries look for.
const [baseUrl = ''] = process.argv.slice(2);
const seen = [];
for (const transport of [createConnectTransport({ baseUrl, httpVersion: '1.1' }), createWebTransport({ baseUrl })]) {
  const weft = createWeft({ transport, retries: { delay: 1 } });
  const error: unknown = await weft.catalog.getProduct({ productId: 'x' }).catch((thrown: unknown) => thrown);
  seen.push(error instanceof WeftError ? [Code[error.code], error.reason] : String(error));
}
console.log(JSON.stringify(seen));
