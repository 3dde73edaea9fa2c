import { pino } from 'pino';
import { openPostgresBus } from '../../src/events/index.ts';
import { numberOf, TYPE } from '../../src/testing/bus-fixture.ts';

// A process that one message kills, whenever it is handled. Says what it has handled.
const [url = '', poison = ''] = process.argv.slice(2);
const bus = openPostgresBus({ url, name: 'mortal', logger: pino({ level: 'silent' }) });
bus.consume({
  name: 'counter',
  types: [TYPE],
  maxDeliveries: 3,
  async handle(delivery) {
    if (numberOf(delivery) === Number(poison)) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(`${numberOf(delivery)}\n`);
  },
});
