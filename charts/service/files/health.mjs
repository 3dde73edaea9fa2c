// Asks a service for its health as a gRPC client does, with nothing but Node: grpc.health.v1.Health/Check of HOST:PORT.
import { connect } from 'node:http2';

const session = connect(`http://${process.argv[1]}`);
const fail = (why) => {
  console.error(`${process.argv[1]}: ${why}`);
  process.exit(1);
};
session.on('error', (error) => fail(error.message));
const call = session.request({
  ':method': 'POST',
  ':path': '/grpc.health.v1.Health/Check',
  'content-type': 'application/grpc',
  te: 'trailers',
});
call.setTimeout(10_000, () => fail('no answer within 10 s'));
call.on('error', (error) => fail(error.message));
const chunks = [];
let status;
call.on('response', (headers) => (status = headers['grpc-status']));
call.on('trailers', (trailers) => (status = trailers['grpc-status']));
call.on('data', (chunk) => chunks.push(chunk));
call.on('end', () => {
  // A frame's head is five bytes; then field 1, status, which is 1 for SERVING.
  const serving = Buffer.concat(chunks)
    .subarray(5)
    .equals(Buffer.from([8, 1]));
  if (status !== '0' || !serving) fail(`status ${status}, not serving`);
  console.log(`${process.argv[1]} is serving`);
  process.exit(0);
});
call.end(Buffer.alloc(5));
