import { Command, InvalidArgumentError, Option } from 'commander';
import { addCanary } from './canary-program.ts';
import { wholeNumber } from './options.ts';

const TARGETS = `
A system is looked for on this machine, at the ports of npm start; USERS_TARGET, CATALOG_TARGET, INVENTORY_TARGET,
ORDERS_TARGET, CHECKOUT_TARGET, PAYMENTS_TARGET and so on (host:port) name another one, WEFT_GATEWAY_URL its gateway.
--embedded starts one for this command only, on free ports, with its data in WEFT_DATA (./.weft where that is not set).`;

const ADMIN = `
The administrator is WEFT_ADMIN_EMAIL and WEFT_ADMIN_PASSWORD, else who stands in admin.json in WEFT_DATA, in ./.weft or in
.weft of this project.`;

const TOKENS = `
Payment tokens of the built-in provider:
  tok_approved            approved
  tok_declined            declined: CARD_DECLINED
  tok_insufficient_funds  declined: INSUFFICIENT_FUNDS
  tok_timeout_approved    the first attempt times out, then approved
  tok_timeout_declined    the first attempt times out, then declined
  tok_capture_timeout     approved, the first attempt to take the money times out`;

const POSTAL_CODES = `
Postal codes of the built-in carrier; it takes any other, and what is picked up, at once:
  SIM-REFUSED             refused: ADDRESS_NOT_SERVED
  SIM-DELAYED             accepted, collected half a minute after the order is confirmed
  SIM-TIMEOUT-ACCEPTED    the first attempt times out, then accepted
  SIM-TIMEOUT-REFUSED     the first attempt times out, then refused`;

const COLUMNS = `
The file has the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID and Country, in any
order. Goods are codes with three digits in a row (85123A, gift_0001_20) or that begin with DCGS; all others are fees,
discounts and corrections (POST, D, M, C2, DOT, S, B, CRUK, PADS, AMAZONFEE, BANK CHARGES). Prices are GBP, read exactly.`;

const IMPORT = `${COLUMNS}
Each stock code is sold at each of its prices as a product of its own, <code>-<pence>, under the description that most of its
lines have. The pieces that the file sells are added to what is on hand, so that files which follow each other can be
imported first and replayed then; importing a file again adds its pieces again. A product that is there already keeps its
title. Import while nothing is sold: stock that leaves the shelf meanwhile is counted as still there.`;

const REBUILD = `
Orders keeps each event of an order for good. What GetOrder and ListOrders show is made from these events again, and compared
with what is stored: rows that differ, are missing or should not be there are put right, then compared again. The exit code is
0 only when each order is as its events tell. It may be repeated, and interrupted.`;

const REPLAY = `${COLUMNS}
Import the file first. Each invoice becomes an order of its customer (customer-<CustomerID>@shop.example, registered when
needed, with a password that follows from the administrator's); lines of the same code and price become one line of the
order, which holds 1,000 at most.

Lines of an invoice that begins with C are returns of earlier sales of this replay to the same customer, of the same code:
first sales at the same price, then at others, the most recent first; what was paid is refunded, whatever price the return
names. A return waits for the customer's earlier orders, may be spread over several, and only takes from completed ones.

A system that goes away in the middle is waited for. At the end everything is compared with what the servers say: orders,
payments, returns, stock and every line of the file. That holds only while nobody else buys, returns or stocks the same goods.
The exit code is 0 only when it reconciles. Lines not taken have one of these reasons, the first that applies:
  MALFORMED_LINE FEE_CODE FRACTIONAL_PENCE ZERO_PRICE NEGATIVE_PRICE NOT_NEGATIVE NO_QUANTITY NO_CUSTOMER MIXED_CUSTOMERS
  TOO_MANY_PIECES TOO_MANY_LINES NO_EARLIER_SALE ORDER_REFUSED ORDER_REJECTED ORDER_UNFINISHED RETURN_REFUSED`;

const OPS = `
Processes are looked for at the ops ports of npm start and start:split (9464 and upwards, or OPS_PORT and upwards);
WEFT_OPS_URLS (http://host:port, separated by commas) names others. With --namespace they are the pods of a cluster: kubectl (or
what KUBECTL names) opens the way to each.`;

const TRACES = `
It is read from the audit, so that it is there without a store of traces. WEFT_TRACES_URL is what traces are opened at;
without it Jaeger, where one answers at http://127.0.0.1:16686.`;

const EVENTS = `
Each service answers for its own consumers. What is shown of an event has no personal data and no secrets in it.`;

/** The `weft` command. What a command needs is loaded when it runs, so that help is there at once. */
export function createProgram(): Command {
  const program = new Command('weft')
    .description('Places orders in a Weft system, fills it from a real shop and replays its sales.')
    .helpCommand(false)
    .showHelpAfterError('(weft --help says more)');

  common(program.command('demo'))
    .description('register a customer, place an order and follow it to its end')
    .addOption(payment())
    .option('--deliver-to <postal code>', 'send it there; without it the customer picks it up', postalCode)
    .addOption(
      new Option('--style <style>', 'who takes the order to its end: checkout, or each service by events').choices([
        'orchestrated',
        'choreographed',
      ]),
    )
    .addHelpText('after', [TARGETS, ADMIN, TOKENS, POSTAL_CODES].join('\n'))
    .action(async (options) => (await import('./commands/demo.ts')).demo(options));

  common(program.command('import'))
    .argument('<file>', 'CSV file of a shop')
    .description("put a shop's goods into the catalogue and on the shelves")
    .option('--concurrency <number>', 'calls under way at a time, 1 to 128', wholeNumber(1, 128), 16)
    .addHelpText('after', [IMPORT, TARGETS, ADMIN].join('\n'))
    .action(async (file, options) => (await import('./commands/import.ts')).importFile(file, options));

  common(program.command('replay'))
    .argument('<file>', 'CSV file of a shop')
    .description("place a shop's orders and returns again, and reconcile to the penny and the piece")
    .option('--concurrency <number>', 'invoices under way at a time, 1 to 256', wholeNumber(1, 256), 48)
    .option('--run-id <name>', 'name of the run, a part of its idempotency keys (default: random)', runName)
    .option('--patience <seconds>', 'how long the system may be away', wholeNumber(1, 3600), 120)
    .option('--untaken <file>', 'write every line that was not taken to a CSV file')
    .addOption(payment())
    .addHelpText('after', [REPLAY, TARGETS, ADMIN, TOKENS].join('\n'))
    .action(async (file, options) => (await import('./commands/replay.ts')).replay(file, options));

  common(program.command('order'))
    .argument('<id>', 'UUID of the order', uuid)
    .description('show an order, and what each service did for it')
    .option('--timeline', 'each step with its service, its time and its attempts, and the correlation id')
    .addHelpText('after', [TARGETS, ADMIN].join('\n'))
    .action(async (orderId, options) => (await import('./commands/order.ts')).showOrder(orderId, options));

  const orders = program.command('orders').description('what is done to all orders').helpCommand(false);
  common(orders.command('rebuild'))
    .description('make all orders anew from their histories, while the system goes on')
    .addHelpText('after', [REBUILD, TARGETS, ADMIN].join('\n'))
    .action(async (options) => (await import('./commands/orders-rebuild.ts')).rebuildOrders(options));

  addEvents(program.command('events').helpCommand(false).description('see and repair what services tell each other'));

  program
    .command('status')
    .description('watch services, versions, health, lag and error rates; exit code 0 when all serve')
    .option('--once', 'look once, for a second')
    .option('--namespace <name>', 'the pods of a namespace of a cluster')
    .option('--context <name>', 'of kubectl; its current one where left out')
    .option('--json', 'write the result as JSON')
    .addHelpText('after', OPS)
    .action(async (options) => (await import('./commands/status.ts')).status(options));

  program
    .command('log-level')
    .argument('<level>', 'debug, info, warn, error or silent')
    .description('change how much the running services log')
    .option('--service <name>', 'only the process that runs it')
    .option('--namespace <name>', 'the pods of a namespace of a cluster')
    .option('--context <name>', 'of kubectl; its current one where left out')
    .option('--json', 'write the result as JSON')
    .addHelpText('after', OPS)
    .action(async (level, options) => (await import('./commands/log-level.ts')).logLevel(level, options));

  common(program.command('trace'))
    .argument('<order>', 'UUID of the order', uuid)
    .description('show what each request did for an order, in all services, and its traces')
    .addHelpText('after', [TRACES, TARGETS, ADMIN].join('\n'))
    .action(async (orderId, options) => (await import('./commands/trace.ts')).trace(orderId, options));

  const saga = program.command('saga').description('what is done to sagas').helpCommand(false);
  common(saga.command('retry'))
    .argument('<id>', 'UUID of the saga', uuid)
    .description('have a saga that waits after failures try again now')
    .addHelpText('after', [TARGETS, ADMIN].join('\n'))
    .action(async (id, options) => (await import('./commands/saga-retry.ts')).retrySaga(id, options));
  addCanary(
    program
      .command('canary')
      .helpCommand(false)
      .description('try another image of a service in a cluster on a share of its calls'),
  );

  common(program.command('health'))
    .description('ask the services how they are; exit code 0 when all serve')
    .addHelpText('after', TARGETS)
    .action(async (options) => (await import('./commands/health.ts')).health(options));
  return program;
}

function addEvents(events: Command): void {
  const commands = () => import('./commands/events.ts');
  const add = (parent: Command, usage: string, description: string) =>
    common(parent.command(usage)).description(description).addHelpText('after', [EVENTS, TARGETS, ADMIN].join('\n'));

  add(
    events,
    'consumers',
    'list the consumers: how many events they have still to handle, and their dead letters',
  ).action(async (options) => (await commands()).consumers(options));
  const letters = events.command('dlq').helpCommand(false).description('dead letters: events that a consumer gave up');
  add(letters, 'list', 'list those that wait for somebody')
    .option('--consumer <name>', "only this consumer's")
    .action(async (options) => (await commands()).listDeadLetters(options));
  add(letters, 'show <id>', 'show one with its event, its error and where it failed').action(async (id, options) =>
    (await commands()).showDeadLetter(id, options),
  );
  add(letters, 'redrive <id...>', 'give them to their consumers once more').action(async (ids, options) =>
    (await commands()).redriveDeadLetters(ids, options),
  );
  add(letters, 'discard <id...>', 'let them rest').action(async (ids, options) =>
    (await commands()).discardDeadLetters(ids, options),
  );
  add(events, 'tail', 'follow the events of all services; Ctrl-C ends it')
    .option('--type <type...>', 'only of these types, for example weft.orders.v1.order_placed')
    .option('--from <time>', 'from then on (2026-11-21T09:00:00Z); without it from now on', time)
    .action(async (options) => (await commands()).tail(options));
  add(events, 'replay', 'have a consumer handle again what it missed; what it has handled is passed over')
    .requiredOption('--consumer <name>', 'which consumer')
    .requiredOption('--from <time>', 'what was published then or later (2026-11-21T09:00:00Z)', time)
    .action(async (options) => (await commands()).replayConsumer(options));
  add(events, 'schemas', 'list the versions of the events, who publishes and who reads them').action(async (options) =>
    (await commands()).schemas(options),
  );
}

function common(command: Command): Command {
  return command
    .option('--embedded', 'start a system for this command and stop it at the end')
    .option('--json', 'write the result as JSON');
}

function payment(): Option {
  return new Option('--payment <token>', "the payment provider's token to pay with")
    .default('tok_approved')
    .argParser((text) => {
      if (!/^tok_[a-z0-9_]{1,60}$/.test(text))
        throw new InvalidArgumentError('It is tok_ and lower-case letters, digits or _.');
      return text;
    });
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError('It is a UUID.');
  return text.toLowerCase();
}

function postalCode(text: string): string {
  if (text.length > 32) throw new InvalidArgumentError('It has 32 characters at most.');
  return text;
}

function time(text: string): Date {
  const found = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(found.getTime()) || found.getTime() < 0)
    throw new InvalidArgumentError('It is a time such as 2026-11-21T09:00:00Z.');
  return found;
}

function runName(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,40}$/.test(text))
    throw new InvalidArgumentError('It is 1 to 40 letters, digits, dots, dashes or _.');
  return text;
}
