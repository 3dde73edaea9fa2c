import { randomBytes } from 'node:crypto';
import { openAccounts } from '../replay/accounts.ts';
import { planReplay } from '../replay/plan.ts';
import { findStrangers, newestOrder, readOrders } from '../replay/read-evidence.ts';
import { reconcile } from '../replay/reconcile.ts';
import { runPlan } from '../replay/run.ts';
import { waitForStock } from '../replay/wait-for-stock.ts';
import { readShopFile } from '../shop/file.ts';
import { requireAdmin } from '../system/admin.ts';
import { readStock } from '../system/stock.ts';
import { print, toJson } from '../terminal/output.ts';
import { startProgress } from '../terminal/progress.ts';
import { type CommonOptions, runCommand, signInAsAdmin } from './command.ts';
import { replayJson, replayText } from './replay-report.ts';
import { writeUntaken } from './untaken.ts';

export interface ReplayOptions extends CommonOptions {
  readonly concurrency: number;
  readonly runId?: string;
  readonly payment: string;
  readonly untaken?: string;
  /** Seconds. */
  readonly patience: number;
}

const ORDER_LIMIT_MS = 300_000;

export async function replay(file: string, options: ReplayOptions): Promise<void> {
  const runId = options.runId ?? randomBytes(6).toString('hex');
  const work: Parameters<typeof runCommand>[1] = async (context) => {
    const { clients, patience } = context;
    const admin = requireAdmin(context.admin);
    const plan = await planReplay(readShopFile(file));
    const session = await signInAsAdmin(context);
    const customers = [...new Set(plan.invoices.map(({ customer }) => customer))];
    const opening = startProgress('customers', customers.length, !options.json);
    const accountsBegan = performance.now();
    const sessions = await openAccounts(clients.users, customers, admin, patience, opening.step).finally(opening.stop);
    const accountsMs = performance.now() - accountsBegan;

    const codes = new Set(
      plan.invoices.flatMap((invoice) => (invoice.kind === 'sale' ? invoice.lines.map((line) => line.stockCode) : [])),
    );
    const newest = await newestOrder(clients.orders, session);
    const stockBefore = await readStock(clients.inventory, session, codes);

    const progress = startProgress('orders', plan.invoices.length, !options.json);
    const run = await runPlan(plan, clients.orders, sessions, {
      runId,
      concurrency: options.concurrency,
      paymentToken: options.payment,
      patience,
      orderLimit: ORDER_LIMIT_MS,
      onDone: progress.step,
    }).finally(progress.stop);

    const orderIds = run.placed.map(({ orderId }) => orderId);
    const reading = startProgress('evidence', orderIds.length, !options.json);
    const read = await readOrders(clients, session, orderIds, reading.step).finally(reading.stop);
    const customerIds = new Set([...sessions.values()].map(({ userId }) => userId));
    const strangers = await findStrangers(clients.orders, session, newest, customerIds, new Set(orderIds));
    const usedBefore = newest !== undefined && orderIds.some((orderId) => orderId <= newest.orderId);
    const untaken = [...plan.untaken, ...run.untaken];
    const check = (stockAfter: typeof stockBefore) => {
      return reconcile(plan, untaken, run, { ...read, stockBefore, stockAfter, strangers });
    };
    const result = await waitForStock(() => readStock(clients.inventory, session, codes), check, patience.signal);

    if (options.untaken !== undefined) await writeUntaken(options.untaken, result.untaken);
    const report = {
      file,
      runId,
      plan,
      run,
      result,
      usedBefore,
      customers: customers.length,
      accountsMs,
      untakenFile: options.untaken,
    };
    await print(options.json ? toJson(replayJson(report)) : replayText(report));
    return result.reconciled;
  };
  await runCommand(options, work, { patienceMs: options.patience * 1000 });
}
