import { numberOf, TYPE } from '../../src/testing/bus-fixture.ts';
import { endWithParent, type Kind, openBus } from './buses.ts';

// A process that one message kills, whenever it is handled. Says what it has handled.
endWithParent();
const [kind = '', url = '', poison = ''] = process.argv.slice(2);
openBus(kind as Kind, url).consume({
  name: 'counter',
  types: [TYPE],
  maxDeliveries: 3,
  onGivenUp: (cause) => process.stdout.write(`${cause}\n`),
  async handle(delivery) {
    if (numberOf(delivery) === Number(poison)) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(`${numberOf(delivery)}\n`);
  },
});
