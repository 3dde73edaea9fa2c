// Takes spans over OTLP/HTTP and writes each request, in base64, as a line.
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

createServer(async (request, response) => {
  const chunks = await Array.fromAsync(request);
  const sent = Buffer.concat(chunks);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  if (body.length > 0) console.log(body.toString('base64'));
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
}).listen(4318);
