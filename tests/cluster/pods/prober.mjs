// Makes gRPC calls with nothing but Node. The plan is JSON: [{target, path, headers, times, parallel}]; printed is what came of
// each call: [[{code, message, ms, pod, count, seen}]].
import { connect } from 'node:http2';

// What gRPC makes of an HTTP status where nobody says its own.
const [UNKNOWN, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED] = [2, 12, 14, 16];
const CODES = new Map([
  [401, UNAUTHENTICATED],
  [404, UNIMPLEMENTED],
  [429, UNAVAILABLE],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, UNAVAILABLE],
]);

const sessions = new Map();

function sessionTo(target) {
  const known = sessions.get(target);
  if (known && !known.destroyed && !known.closed) return known;
  const session = connect(`http://${target}`);
  session.on('error', () => {});
  sessions.set(target, session);
  return session;
}

function call({ target, path, headers = {} }) {
  return new Promise((resolve) => {
    const began = performance.now();
    let found = {};
    const end = (code, message) =>
      resolve({ code, message, ms: Math.round(1000 * (performance.now() - began)) / 1000, ...found });
    const stream = sessionTo(target).request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const status = (from) => {
      if (from['grpc-status'] === undefined) return;
      end(Number(from['grpc-status']), decodeURIComponent(from['grpc-message'] ?? ''));
    };
    stream.setTimeout(30_000, () => stream.close());
    stream.on('response', (answer) => {
      found = { pod: answer['x-pod'], count: Number(answer['x-count']), seen: answer['x-seen'] };
      status(answer);
      if (answer[':status'] !== 200) end(CODES.get(answer[':status']) ?? UNKNOWN, `HTTP ${answer[':status']}`);
    });
    stream.on('trailers', status);
    stream.on('error', (error) => end(-1, error.message));
    stream.on('close', () => end(-1, 'closed'));
    stream.resume();
    stream.end(Buffer.alloc(5));
  });
}

async function step(one) {
  const { times = 1, parallel = 1 } = one;
  const results = [];
  let begun = 0;
  const worker = async () => {
    while (begun++ < times) results.push(await call(one));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}

const outcome = [];
for (const one of JSON.parse(process.argv[1])) outcome.push(await step(one));
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
