import type { Plan } from '../replay/plan.ts';
import type { Reconciliation } from '../replay/reconcile.ts';
import type { Run } from '../replay/run.ts';
import { formatCount, formatMoney } from '../shop/money.ts';
import { countReasons } from '../shop/reasons.ts';
import { isEndState } from '../system/follow.ts';
import { bad, bold, good } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { reasonRows } from './untaken.ts';

export interface Report {
  readonly file: string;
  readonly runId: string;
  /** Orders of the run were there before it began. */
  readonly usedBefore: boolean;
  readonly plan: Plan;
  readonly run: Run;
  readonly result: Reconciliation;
  readonly customers: number;
  readonly accountsMs: number;
  readonly untakenFile: string | undefined;
}

const MAX_DIFFERENCES = 20;

function speedOf({ ended, milliseconds }: Run): { seconds: number; ordersPerSecond: number } {
  const seconds = milliseconds / 1000;
  return { seconds: rounded(seconds), ordersPerSecond: seconds > 0 ? rounded(ended / seconds) : 0 };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The whole result for machines. Money in pence. */
export function replayJson({ file, runId, usedBefore, run, result, customers, accountsMs }: Report) {
  const { differences, untaken, orders, ...sums } = result;
  return {
    file,
    runId,
    usedBefore,
    customers,
    accountsSeconds: rounded(accountsMs / 1000),
    ...speedOf(run),
    orders: { placed: run.placed.length, byStatus: orders },
    returns: {
      lines: new Set(run.returned.map(({ source }) => source.line)).size,
      calls: new Set(run.returned.map(({ returnId }) => returnId)).size,
    },
    ...sums,
    notTaken: countReasons(untaken),
    untaken,
    differences,
  };
}

/** The whole result for people. */
export function replayText(report: Report): string {
  const { plan, run, result, runId, customers, accountsMs, untakenFile } = report;
  const { seconds, ordersPerSecond } = speedOf(run);
  const returns = plan.invoices.filter((invoice) => invoice.kind === 'return').length;
  const states = [...result.orders].sort(
    ([a], [b]) => Number(isEndState(b)) - Number(isEndState(a)) || (a < b ? -1 : 1),
  );
  const parts = [
    bold(`Replay ${runId}`),
    table(
      [
        ['customers', formatCount(customers), `signed in within ${rounded(accountsMs / 1000)} s`],
        ['orders', formatCount(run.placed.length), `in ${seconds} s, ${ordersPerSecond} a second`],
        ...states.map(([status, count]) => ['', formatCount(count), status]),
        [
          'returns',
          formatCount(returns),
          `invoices, ${formatCount(new Set(run.returned.map((part) => part.returnId)).size)} returns of orders`,
        ],
      ],
      [1],
    ),
    totals(result),
    lines(report),
  ];
  if (untakenFile !== undefined) parts.push(`Every line not taken is in ${untakenFile}`);
  if (result.otherPrice.lines > 0) {
    const { lines: count, difference } = result.otherPrice;
    const worth = formatMoney(difference);
    parts.push(
      `${formatCount(count)} return lines name another price than was paid (${worth} in all); what was paid is refunded`,
    );
  }
  parts.push(verdict(report));
  return parts.join('\n\n');
}

function totals({ captured, refunded, pieces, reserved }: Reconciliation): string {
  const row = (label: string, sums: Reconciliation['captured'], format: (value: bigint) => string) => {
    const equal = sums.file === sums.orders && sums.orders === sums.servers;
    return [
      label,
      format(sums.file),
      format(sums.orders),
      format(sums.servers),
      equal ? good('same') : bad('different'),
    ];
  };
  return table(
    [
      ['', 'file', 'orders', 'payments', ''],
      row('captured', captured, formatMoney),
      row('refunded', refunded, formatMoney),
      ['', 'file', 'orders', 'inventory', ''],
      row('pieces off the shelf', pieces, formatCount),
      [
        `reserved, before and now`,
        '',
        formatCount(reserved.before),
        formatCount(reserved.after),
        reserved.before === reserved.after ? good('same') : bad('different'),
      ],
    ],
    [1, 2, 3],
  );
}

function lines({ result }: Report): string {
  const { inFile, taken, partly, untaken } = result.lines;
  const counts = [
    ['lines of the file', formatCount(inFile), ''],
    ['taken', formatCount(taken), ''],
    ['taken in part', formatCount(partly), ''],
    ['not taken', formatCount(untaken), ''],
    ...reasonRows(countReasons(result.untaken)).map(([name = '', ...rest]) => [`  ${name}`, ...rest]),
  ];
  return table(counts, [1]);
}

function verdict({ runId, usedBefore, result: { reconciled, differences, untaken } }: Report): string {
  const unknown = untaken.some(({ reason, detail }) => reason === 'ORDER_REFUSED' && detail === 'PRODUCT_NOT_FOUND');
  const hints = [
    ...(unknown ? ['Some products are not in the catalogue: run weft import with the same file first.'] : []),
    ...(usedBefore ? [`Run ${runId} had begun before: what it took from stock then is missing here.`] : []),
  ];
  const hint = hints.map((line) => `\n${line}`).join('');
  if (reconciled) return `${good('reconciled')} to the penny and the piece${hint}`;
  const shown = differences.slice(0, MAX_DIFFERENCES).map(({ what, file, servers }) => [what, file, servers]);
  const more = differences.length - shown.length;
  const list = table([['', 'file', 'servers'], ...shown], [1, 2]);
  return `${bad('not reconciled')}: ${formatCount(differences.length)} differences (money in pence)\n${list}${more > 0 ? `\n  and ${formatCount(more)} more` : ''}${hint}`;
}
