import { checkHealth } from '../system/health.ts';
import { print, toJson } from '../terminal/output.ts';
import { bad, good } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { type CommonOptions, runCommand } from './command.ts';

const TIMEOUT_MS = 3000;

export async function health(options: CommonOptions): Promise<void> {
  await runCommand(
    options,
    async ({ targets }) => {
      const answers = await checkHealth(targets, TIMEOUT_MS);
      const serving = answers.every((answer) => answer.health === 'SERVING');
      if (options.json) await print(toJson({ serving, services: answers }));
      else {
        const rows = answers.map((answer) => [
          answer.service,
          answer.target,
          answer.health === 'SERVING' ? good(answer.health) : bad(answer.health),
          `${answer.milliseconds} ms`,
        ]);
        await print(table(rows, [3]));
      }
      return serving;
    },
    { needs: [] },
  );
}
