import { expect, it } from '@jest/globals';
import { serverAttributes } from '@weft/kit/telemetry';

it.each([
  ['orders:50051', 'orders', 50051],
  ['weft-orders.weft.svc.cluster.local:50051', 'weft-orders.weft.svc.cluster.local', 50051],
  ['dns:///orders.weft:50051', 'orders.weft', 50051],
  ['dns:orders', 'orders', undefined],
  ['weft:///orders', 'orders', undefined],
  ['127.0.0.1:50051', '127.0.0.1', 50051],
  ['[::1]:50051', '::1', 50051],
  ['ipv4:10.0.0.1:50051,10.0.0.2:50051', '10.0.0.1', 50051],
  ['unix:/run/orders.sock', '/run/orders.sock', undefined],
])('of %s the server is %s', (target, address, port) => {
  expect(serverAttributes(target)).toEqual({
    'server.address': address,
    ...(port !== undefined && { 'server.port': port }),
  });
});
