import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@weft/kit/testing';
import { newestOrder } from '../src/replay/read-evidence.ts';
import { findEmbeddedAdmin } from '../src/system/admin.ts';
import { type Clients, createClients } from '../src/system/clients.ts';
import { freePorts } from '../src/system/free-ports.ts';
import { type Session, signIn } from '../src/system/session.ts';
import { SERVICES, targetsFrom } from '../src/system/targets.ts';
import { NOBODYS, type Outcome, PORTS, plain, systemAt, weft } from './weft.ts';

jest.setTimeout(180_000);

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const SHOP = `${HEADER}
536365,85123A,"HOLDER, HANGING",6,1/12/2010,2.55,17850,United Kingdom
536365,85123A,"HOLDER, HANGING",2,1/12/2010,2.55,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,1/12/2010,3.39,17850,United Kingdom
536366,71053,WHITE METAL LANTERN,1,1/12/2010,3.75,12583,France
536366,POST,POSTAGE,3,1/12/2010,18,12583,France
536367,71053,WHITE METAL LANTERN,5,1/12/2010,3.39,,United Kingdom
536368,22960,JAM MAKING SET,4,1/12/2010,0,17850,United Kingdom
C536369,71053,WHITE METAL LANTERN,-4,1/12/2010,3.39,17850,United Kingdom
C536369,85123A,"HOLDER, HANGING",-9,1/12/2010,2.95,17850,United Kingdom
C536370,71053,WHITE METAL LANTERN,-1,1/12/2010,3.75,99999,France
`;

describe('the weft command', () => {
  let folder: string;
  let file: string;
  let system: ReturnType<typeof systemAt>;
  let run: (typeof system)['run'];
  let json: (typeof system)['json'];

  /** A shop's file of so many invoices of nine customers, and a return after every sixth. */
  const writeInvoices = async (count: number) => {
    const invoices = Array.from({ length: count }, (_, index) => {
      const number = 600_000 + index;
      const sale = `${number},${20_000 + (index % 7)},GIFT,${1 + (index % 5)},1/12/2010,${1 + (index % 3)}.45,${index % 9},UK`;
      const back = `C${number},${20_000 + (index % 7)},GIFT,-1,1/12/2010,1.45,${index % 9},UK`;
      return index % 6 === 5 ? `${sale}\n${back}` : sale;
    });
    const path = join(folder, `${count}.csv`);
    await writeFile(path, `${HEADER}\n${invoices.join('\n')}\n`);
    return path;
  };

  /** Waits until something has been ordered since `begin` began, and does something as the administrator then. */
  const afterNextOrder = async (begin: () => void, act: (clients: Clients, admin: Session) => Promise<unknown>) => {
    const clients = createClients(targetsFrom(system.environment));
    const admin = await findEmbeddedAdmin(join(folder, 'data'), {});
    const patience = { limit: 5000, signal: new AbortController().signal };
    const session = await signIn(clients.users, admin ?? { email: '', password: '' }, patience);
    const before = await newestOrder(clients.orders, session);
    begin();
    await eventually(async () => (await newestOrder(clients.orders, session))?.orderId !== before?.orderId, 60_000);
    await act(clients, session);
    clients.close();
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-cli-'));
    file = join(folder, 'shop.csv');
    await writeFile(file, SHOP);
    system = systemAt(await freePorts(PORTS), join(folder, 'data'));
    ({ run, json } = system);
    await system.start();
  });
  afterAll(async () => {
    await system?.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('says that all services serve', async () => {
    const { code, stdout } = await run(['health']);
    expect({ code, serving: stdout.match(/ SERVING /g)?.length }).toEqual({ code: 0, serving: SERVICES.length });
  });

  it('shows an order to its end in a shop that was empty', async () => {
    const { code, stdout } = await run(['demo']);
    expect(stdout).toMatch(/PLACED[\s\S]+COMPLETED[\s\S]+Total[\s\S]+CAPTURED[\s\S]+DISPATCHED[\s\S]+confirm +DONE/);
    expect(code).toBe(0);
  });

  it('shows an order that is not paid to its end', async () => {
    const { code, result } = await json('demo', '--payment', 'tok_declined');
    expect({ code, ...result }).toMatchObject({
      code: 0,
      status: 'REJECTED',
      reason: 'CARD_DECLINED',
      payment: { captured: 0 },
    });
  });

  it('shows an order that the carrier refuses to its end', async () => {
    const { code, result } = await json('demo', '--deliver-to', 'SIM-REFUSED');
    expect({ code, ...result }).toMatchObject({
      code: 0,
      status: 'REJECTED',
      reason: 'ADDRESS_NOT_SERVED',
      payment: { captured: 0 },
      shipment: { status: 'REJECTED', rejectReason: 'ADDRESS_NOT_SERVED' },
    });
  });

  it('does not reconcile a replay of goods that are not in the catalogue, and says what to do', async () => {
    const { code, stdout } = await run(['replay', file]);
    expect(stdout).toContain('run weft import with the same file first');
    expect(code).toBe(1);
  });

  it('imports a shop twice', async () => {
    const first = await json('import', file);
    expect(first).toMatchObject({
      code: 0,
      result: { lines: 10, sellable: 5, products: 3, stockCodes: 2, pieces: 20 },
    });
    expect(await json('import', file)).toMatchObject({ code: 0, result: { titlesKept: 0, conflicts: [] } });
  });

  it('replays it, reconciles, and lists every line not taken', async () => {
    const untakenFile = join(folder, 'untaken.csv');
    const { code, result } = await json('replay', file, '--untaken', untakenFile);
    expect(result.differences).toEqual([]);
    expect({ code, ...result }).toMatchObject({
      code: 0,
      reconciled: true,
      orders: { placed: 2, byStatus: { COMPLETED: 2 } },
      // 8 × 2.55 + 6 × 3.39 + 1 × 3.75; back come 4 × 3.39 and, at the price paid, 8 × 2.55.
      captured: { file: 4449, orders: 4449, servers: 4449 },
      refunded: { file: 3396, orders: 3396, servers: 3396 },
      pieces: { file: 3, orders: 3, servers: 3 },
      lines: { inFile: 10, taken: 5, partly: 1, untaken: 4 },
    });
    expect(result.untaken).toMatchObject([
      { invoice: '536366', line: 6, code: 'POST', quantity: 3, reason: 'FEE_CODE' },
      { invoice: '536367', line: 7, reason: 'NO_CUSTOMER' },
      { invoice: '536368', line: 8, reason: 'ZERO_PRICE' },
      { invoice: 'C536369', line: 10, quantity: -1, reason: 'NO_EARLIER_SALE' },
      { invoice: 'C536370', line: 11, quantity: -1, reason: 'NO_EARLIER_SALE' },
    ]);
    expect((await readFile(untakenFile, 'utf8')).split('\n')).toContain('C536369,10,85123A,-1,NO_EARLIER_SALE,');
  });

  it('reconciles orders that cannot be fulfilled, and lists their lines', async () => {
    const { code, result } = await json('replay', file, '--payment', 'tok_insufficient_funds');
    expect({ code, ...result }).toMatchObject({ code: 0, reconciled: true, captured: { servers: 0 } });
    expect(result.notTaken).toContainEqual({ reason: 'ORDER_REJECTED', detail: 'INSUFFICIENT_FUNDS', lines: 4 });
  });

  it('rebuilds all orders from their histories, and finds them as they are', async () => {
    const { code, result } = await json('orders', 'rebuild');
    expect({ code, ...result }).toMatchObject({ code: 0, equal: true, restored: 0, different: [] });
    expect(result.orders).toBeGreaterThanOrEqual(2);
    expect((await run(['orders', 'rebuild'])).stdout).toContain('every order is as its history tells');
  });

  it('finds what was taken from the shelf behind its back', async () => {
    const some = await writeInvoices(15);
    expect((await run(['import', some])).code).toBe(0);
    let ended: Promise<Outcome> | undefined;
    await afterNextOrder(
      () => {
        ended = run(['replay', some, '--json', '--concurrency', '1']);
      },
      (clients, admin) =>
        admin.call((token) => clients.inventory.setStock({ stockCode: '20000', onHand: 1000n }, { token })),
    );
    const { code, stdout } = (await ended) as Outcome;
    expect(JSON.parse(stdout).differences).toContainEqual(expect.objectContaining({ what: 'stock 20000: on hand' }));
    expect(code).toBe(1);
  });

  it('finishes and reconciles a replay through which the system is killed and started again', async () => {
    const many = await writeInvoices(60);
    expect((await run(['import', many])).code).toBe(0);
    let ended: Promise<Outcome> | undefined;
    await afterNextOrder(
      () => {
        ended = run(['replay', many, '--json', '--concurrency', '4']);
      },
      () => system.end('SIGKILL'),
    );
    await system.start();

    const { code, stdout } = (await ended) as Outcome;
    const result = JSON.parse(stdout);
    expect(result.differences).toEqual([]);
    expect({ code, ...result }).toMatchObject({ code: 0, reconciled: true, orders: { byStatus: { COMPLETED: 60 } } });
  });

  it('says in one line what is wrong, with exit code 1', async () => {
    const nowhere = { ...system.environment, ORDERS_TARGET: '127.0.0.1:1' };
    const closed = { ...system.environment, WEFT_GATEWAY_URL: 'http://127.0.0.1:1' };
    const wrongAdmin = {
      ...system.environment,
      WEFT_ADMIN_EMAIL: 'a@b.example',
      WEFT_ADMIN_PASSWORD: 'wrong password',
    };
    const nobody = { ...system.environment, WEFT_DATA: join(folder, 'none') };
    for (const [args, environment, line] of [
      [['demo'], nowhere, 'weft: not serving: orders at 127.0.0.1:1 (UNAVAILABLE)\n'],
      [['demo'], closed, 'weft: no gateway answers at http://127.0.0.1:1: WEFT_GATEWAY_URL names one\n'],
      [['import', file], wrongAdmin, "weft: the administrator's address or password is not right (BAD_CREDENTIALS)\n"],
      [['order', NOBODYS], system.environment, `weft: there is no such order (ORDER_NOT_FOUND, order_id=${NOBODYS})\n`],
      [['import', join(folder, 'none.csv')], system.environment, `weft: ${join(folder, 'none.csv')} is not there\n`],
      [['replay', file], nobody, expect.stringMatching(/^weft: this needs an administrator: [^\n]+\n$/)],
    ] as const) {
      expect(await run(args, environment)).toEqual({ code: 1, stdout: '', stderr: line });
    }
  });

  it('says in one line why a system of its own does not start', async () => {
    const { code, stderr } = await run(['demo', '--embedded'], { ...plain, WEFT_DATA: join(folder, 'data') });
    expect(stderr).toMatch(/^weft: the embedded system: [^\n]+ is in use [^\n]+\n$/);
    expect(code).toBe(1);
  });

  it('starts a system for one command, and stops it when it is interrupted', async () => {
    const environment = { ...plain, WEFT_DATA: join(folder, 'embedded') };
    const command = weft(['replay', file, '--embedded'], environment);
    await eventually(() => readFile(join(folder, 'embedded', 'admin.json')), 60_000);
    command.child.kill('SIGINT');
    expect((await command.ended).code).toBe(130);
    const again = await run(['demo', '--embedded'], environment);
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
  });
});
