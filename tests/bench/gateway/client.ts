import http from 'node:http';
import http2 from 'node:http2';
import { GetProductRequest } from '@weft/gen/grpc/weft/catalog/v1/catalog';
import { HANGING, HANGING_MS, PRODUCT_ID } from './reply.ts';

// A client of the benchmark: `grpc`, `connect`, `rest` and `json` ask as fast as they are answered, as often as they are told, or at
// an even pace; `hanging` asks for what is never answered, evenly, until it is stopped.

const IN_FLIGHT = 32;
const [kind = '', port = '', token = ''] = process.argv.slice(2);
const PATH = '/weft.catalog.v1.CatalogService/GetProduct';
const encoded = Buffer.from(GetProductRequest.encode({ productId: PRODUCT_ID }).finish());
const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, encoded.length]), encoded]);
const authorization = `Bearer ${token}`;

function overHttp2(type: string, body: Buffer): () => Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const headers = { ':method': 'POST', ':path': PATH, 'content-type': type, te: 'trailers', authorization };
  return () =>
    new Promise((resolve, reject) => {
      const stream = session.request(headers);
      let bytes = 0;
      let status: unknown;
      stream.on('response', (response) => {
        status = response[':status'];
      });
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on('error', reject);
      stream.on('end', () =>
        status === 200 && bytes > 300 ? resolve() : reject(new Error(`${status}, ${bytes} bytes`)),
      );
      stream.end(body);
    });
}

function overHttp1(method: string, path: string, body: string, wanted = 200): () => Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: HANGING });
  const headers = { authorization, ...(body !== '' && { 'content-type': 'application/json' }) };
  return () =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === wanted ? resolve() : reject(new Error(`${response.statusCode}`)),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
}

const KINDS: Readonly<Record<string, () => () => Promise<void>>> = {
  grpc: () => overHttp2('application/grpc+proto', framed),
  connect: () => overHttp2('application/proto', encoded),
  rest: () => overHttp1('GET', `/api/v2/products/${PRODUCT_ID}`, ''),
  hanging: () => overHttp1('GET', '/api/v2/orders', '', 504),
  json: () => overHttp1('POST', PATH, JSON.stringify({ productId: PRODUCT_ID })),
};

async function run(call: () => Promise<void>, calls: number, inFlight = IN_FLIGHT): Promise<void> {
  let left = calls;
  const loop = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
}

/** What each call takes, in milliseconds from when it was due. */
async function pace(call: () => Promise<void>, calls: number, perSecond: number): Promise<number[]> {
  const began = performance.now();
  const took: number[] = [];
  await Promise.all(
    Array.from({ length: calls }, async (_, index) => {
      const due = began + (index * 1000) / perSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      await call();
      took.push(performance.now() - due);
    }),
  );
  return took;
}

const make = KINDS[kind];
if (!make) throw new Error(`one of ${Object.keys(KINDS).join(', ')}`);
const call = make();
process.on('message', async (asked: number | { readonly calls: number; readonly perSecond: number }) => {
  if (typeof asked === 'object') process.send?.(await pace(call, asked.calls, asked.perSecond));
  else {
    await run(call, asked);
    process.send?.('done');
  }
});
process.on('disconnect', () => process.exit());
// As many hang at a time as there is time for, whatever becomes of those before.
if (kind === 'hanging') setInterval(() => call().catch(() => undefined), HANGING_MS / HANGING);
process.send?.('ready');
