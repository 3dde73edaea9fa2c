import { setTimeout as delay } from 'node:timers/promises';
import { numberOf, OTHER_TYPE, TYPE } from '../../src/testing/bus-fixture.ts';
import { endWithParent, type Kind, openBus } from './buses.ts';

// A process that one message kills, whenever it is handled: at once, or when it has been at work on it for a while beside a consumer that
// takes longer over each message. Says what it has handled.
endWithParent();
const [kind = '', url = '', poison = '', beside] = process.argv.slice(2);
const bus = openBus(kind as Kind, url);
bus.consume({
  name: 'counter',
  types: [TYPE],
  maxDeliveries: 3,
  onGivenUp: (cause) => process.stdout.write(`${cause}\n`),
  async handle(delivery) {
    if (beside) await delay(150);
    if (numberOf(delivery) === Number(poison)) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(`${numberOf(delivery)}\n`);
  },
});
if (beside)
  bus.consume({
    name: 'innocent',
    types: [OTHER_TYPE],
    maxDeliveries: 3,
    onGivenUp: (cause) => process.stdout.write(`${cause}\n`),
    async handle(delivery) {
      await delay(400);
      process.stdout.write(`${numberOf(delivery)}\n`);
    },
  });
