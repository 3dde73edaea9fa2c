import { once } from 'node:events';
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A span as it came over OTLP. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** Texts, and whole numbers as texts. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly string[];
}

/** Receives spans over OTLP/HTTP, as a collector does. */
export async function startCollector() {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      bodies.push(body);
      spans.push(...spansIn(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    /** All that was received, as it was. */
    bodies,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Collector = Awaited<ReturnType<typeof startCollector>>;

type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint | number)[]>;

/** The fields of an encoded message by their number. Source: opentelemetry/proto/trace/v1/trace.proto. */
function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | bigint | number)[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    if (type === WireType.LengthDelimited) values.push(reader.bytes());
    else if (type === WireType.Varint) values.push(BigInt(reader.uint64()));
    else reader.skip(type, number);
  }
  return fields;
}

const messages = (fields: Fields, number: number) => (fields.get(number) ?? []) as Uint8Array[];
const text = (fields: Fields, number: number) => Buffer.from(messages(fields, number)[0] ?? []).toString();
const hex = (fields: Fields, number: number) => Buffer.from(messages(fields, number)[0] ?? []).toString('hex');

function attributesOf(fields: Fields, number: number): Record<string, string> {
  const entries = messages(fields, number).map((bytes): [string, string] => {
    const entry = fieldsOf(bytes);
    const value = fieldsOf(messages(entry, 2)[0] ?? new Uint8Array());
    const whole = value.get(3)?.[0];
    return [text(entry, 1), whole === undefined ? text(value, 1) : String(whole)];
  });
  return Object.fromEntries(entries);
}

/** The spans of an ExportTraceServiceRequest. */
export function spansIn(body: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((resourceBytes) => {
    const resourceSpans = fieldsOf(resourceBytes);
    const resource = fieldsOf(messages(resourceSpans, 1)[0] ?? new Uint8Array());
    const service = attributesOf(resource, 1)['service.name'] ?? '';
    return messages(resourceSpans, 2).flatMap((scope) =>
      messages(fieldsOf(scope), 2).map((bytes): ReceivedSpan => {
        const span = fieldsOf(bytes);
        return {
          service,
          name: text(span, 5),
          kind: Number(span.get(6)?.[0] ?? 0),
          traceId: hex(span, 1),
          spanId: hex(span, 2),
          parentSpanId: hex(span, 4),
          attributes: attributesOf(span, 9),
          links: messages(span, 13).map((link) => hex(fieldsOf(link), 2)),
        };
      }),
    );
  });
}
