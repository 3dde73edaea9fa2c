import { formatCount } from '../shop/money.ts';
import { createPauses } from '../system/patience.ts';
import { isRefused } from '../system/session.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, good } from '../terminal/style.ts';
import { type CommandContext, type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

interface Rebuilt {
  orders: number;
  /** Whose rows were not as their histories tell, and are now. */
  restored: number;
  /** Whose rows still are not. */
  readonly different: string[];
}

/** Has all orders made anew from their histories. Ends well when each is as its history tells. */
export async function rebuildOrders(options: CommonOptions): Promise<void> {
  await runCommand(options, async (context) => {
    const started = performance.now();
    const rebuilt = await rebuildAll(context, options.json !== true && process.stderr.isTTY);
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    const { orders, restored, different } = rebuilt;
    const equal = different.length === 0;
    if (options.json) {
      await print(toJson({ equal, ...rebuilt, seconds }));
      return equal;
    }
    const changed = restored === 0 ? 'all rows were as the history tells' : `rows of ${formatCount(restored)} restored`;
    await print(`${formatCount(orders)} orders in ${seconds} s: ${changed}`);
    if (equal) await print(good('every order is as its history tells'));
    else await print(`${bad('not as their histories tell, which make no sense')}: ${different.join(', ')}`);
    return equal;
  });
}

/** A stream that breaks or ends early is gone on with after the last order that it told of. */
async function rebuildAll(context: CommandContext, shown: boolean): Promise<Rebuilt> {
  const { clients, patience } = context;
  const session = await signInAsAdmin(context);
  const { signal } = patience;
  const pauses = createPauses(patience);
  const rebuilt: Rebuilt = { orders: 0, restored: 0, different: [] };
  let refused = false;
  for (let afterOrderId = ''; ; ) {
    const token = await session.token();
    try {
      for await (const page of clients.orders.rebuildOrders({ afterOrderId }, { token, signal })) {
        pauses.reset();
        refused = false;
        if (page.done) return rebuilt;
        afterOrderId = page.lastOrderId;
        rebuilt.orders += Number(page.orderCount);
        rebuilt.restored += Number(page.restoredCount);
        rebuilt.different.push(...page.differentOrderIds);
        if (shown) process.stderr.write(`\r  ${formatCount(rebuilt.orders)} orders`);
      }
    } catch (error) {
      if (!refused && isRefused(error)) session.drop(token);
      else await pauses.after(error);
      refused = isRefused(error);
    } finally {
      if (shown) process.stderr.write('\r\u001b[K');
    }
  }
}
