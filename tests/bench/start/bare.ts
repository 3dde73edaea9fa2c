import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { OrdersServiceService } from '@weft/gen/grpc/weft/orders/v1/orders';

// The least that a service can be: grpc-js and a generated contract. Bundled like the services, it listens at BARE_GRPC_PORT.

const absent = (_: unknown, callback: (error: Error) => void) => callback(new Error('not in this benchmark'));
const names = Object.keys(OrdersServiceService);
const server = new Server();
server.addService(
  OrdersServiceService,
  Object.fromEntries(names.map((name) => [name, absent])) as unknown as UntypedServiceImplementation,
);
server.bindAsync(`127.0.0.1:${process.env.BARE_GRPC_PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  process.send?.('ready');
});
process.on('SIGTERM', () => process.exit());
process.once('disconnect', () => process.exit());
