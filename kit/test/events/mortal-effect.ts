import { ProductCreatedSchema, ProductUpdatedSchema } from '@weft/gen/es/weft/catalog/v1/events_pb';
import { ProductCreated, ProductUpdated } from '@weft/gen/grpc/weft/catalog/v1/events';
import { sql } from 'kysely';
import { consumer, defineEvent, on, startConsumer } from '../../src/events/index.ts';
import { openDatabase, startRelay } from '../../src/store/index.ts';
import { endWithParent, type Kind, logger, openBus } from './buses.ts';

// A process that ends as with kill -9 at a line of its handler, when that handles the version that it is told.
endWithParent();
const [kind = '', busUrl = '', databaseUrl = '', line = '', version = ''] = process.argv.slice(2);
const Created = defineEvent(ProductCreated, ProductCreatedSchema);
const Updated = defineEvent(ProductUpdated, ProductUpdatedSchema);

let current = '';
function at(here: string): void {
  if (here === line && current === version) process.kill(process.pid, 'SIGKILL');
}

const bus = openBus(kind as Kind, busUrl);
const db = openDatabase<unknown>({ url: databaseUrl, name: 'mortal', logger });
startRelay({ db, bus, logger });
const effect = consumer<unknown>('effect', [
  on(Created, async (event, tx) => {
    current = String(event.version);
    at('begun');
    await sql`INSERT INTO effect (key, version) VALUES (${event.productId}, ${event.version})`.execute(tx.sql);
    at('changed');
    tx.publish(Updated.create(ProductUpdated.fromPartial({ productId: event.productId, title: current })));
    at('published');
  }),
]);
startConsumer(bus, db, effect, {
  logger,
  async around(_, next) {
    await next();
    at('committed');
  },
});
