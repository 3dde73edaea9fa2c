import type { Attributes } from '@opentelemetry/api';

const TARGET = /^(?:(?:dns|ipv4|ipv6|unix|weft):(?:\/\/[^/]*\/)?)?(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/;

/**
 * Whom a client asks: `server.address` and, where it is known, `server.port`. Source: OpenTelemetry general attributes.
 * @param target host:port, or a target of grpc-js; of several only what comes before the second
 */
export function serverAttributes(target: string): Attributes {
  const [first = ''] = target.split(',');
  const [, address = first, port] = TARGET.exec(first) ?? [];
  return {
    'server.address': address.replace(/^\[|\]$/g, ''),
    ...(port !== undefined && { 'server.port': Number(port) }),
  };
}
