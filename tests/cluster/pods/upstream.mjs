// Serves every gRPC method as a call's x-behave says: `every-second` fails each odd call of its x-key, `slow` takes 20 s. With
// `broken` as its argument it fails everything. It answers who it is, which of the key's calls it was, and what it was told of
// the caller.
import { createServer } from 'node:http2';
import { hostname } from 'node:os';

const UNAVAILABLE = '14';
const broken = process.argv[1] === 'broken';
const counts = new Map();

createServer()
  .on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    const key = headers['x-key'] ?? '';
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    const told = {
      ':status': 200,
      'content-type': 'application/grpc',
      'x-pod': hostname(),
      'x-count': String(count),
      'x-seen': headers['x-forwarded-client-cert'] ?? '',
    };
    if (broken || (headers['x-behave'] === 'every-second' && count % 2 === 1))
      return stream.respond({ ...told, 'grpc-status': UNAVAILABLE }, { endStream: true });
    const answer = () => {
      if (stream.destroyed) return;
      stream.respond(told, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    };
    setTimeout(answer, headers['x-behave'] === 'slow' ? 20_000 : 0);
  })
  .listen(50051, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
