import { collectAssortment } from '../importing/assortment.ts';
import { stockShop } from '../importing/stock-shop.ts';
import { readShopFile } from '../shop/file.ts';
import { formatCount } from '../shop/money.ts';
import { countReasons } from '../shop/reasons.ts';
import { print, toJson } from '../terminal/output.ts';
import { startProgress } from '../terminal/progress.ts';
import { bad, good } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommonOptions, runCommand, signInAsAdmin } from './command.ts';
import { reasonRows } from './untaken.ts';

export interface ImportOptions extends CommonOptions {
  readonly concurrency: number;
}

export async function importFile(file: string, options: ImportOptions): Promise<void> {
  await runCommand(options, async (context) => {
    const { clients } = context;
    const started = performance.now();
    const assortment = await collectAssortment(readShopFile(file));
    const { lines, sellable, products, needed, untaken } = assortment;
    const session = await signInAsAdmin(context);
    const progress = startProgress('import', products.length + needed.size, !options.json);
    const stocked = await stockShop(assortment, clients, session, options.concurrency, progress.step).finally(
      progress.stop,
    );
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    const pieces = [...needed.values()].reduce((sum, count) => sum + count, 0n);
    const { kept, conflicts } = stocked;
    const reasons = countReasons(untaken);

    if (options.json) {
      const summary = { file, lines, sellable, products: products.length, stockCodes: needed.size, pieces, seconds };
      await print(toJson({ ...summary, titlesKept: kept, conflicts, notSellable: reasons }));
      return conflicts.length === 0;
    }
    const rows = [
      ['lines', formatCount(lines), `${formatCount(sellable)} sell goods`],
      [
        'products',
        formatCount(products.length),
        kept > 0 ? `${formatCount(kept)} keep another title` : 'one for each code and price',
      ],
      ['stock codes', formatCount(needed.size), `${formatCount(pieces)} pieces added`],
    ];
    await print(table(rows, [1]));
    if (reasons.length > 0) await print(`\nLines that sell nothing:\n${table(reasonRows(reasons), [1])}`);
    if (conflicts.length > 0)
      await print(`\n${bad('not imported')}: already there at another price: ${conflicts.join(', ')}`);
    else await print(`\n${good('imported')} in ${seconds} s`);
    return conflicts.length === 0;
  });
}
