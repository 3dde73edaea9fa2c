import { CommandFailure } from '../shop/failure.ts';
import { readStatuses, setLogLevel } from '../system/ops.ts';
import { type WhereOptions, withOpsUrls } from '../system/ops-urls.ts';
import { describeError } from '../terminal/errors.ts';
import { print, toJson } from '../terminal/output.ts';

export interface LogLevelOptions extends WhereOptions {
  readonly json?: boolean;
  readonly service?: string;
}

/** Changes from which level on the processes log, until they end. */
export async function logLevel(level: string, options: LogLevelOptions): Promise<void> {
  try {
    await withOpsUrls(options, (urls) => change(urls, level, options));
  } catch (error) {
    process.stderr.write(`weft: ${describeError(error)}\n`);
    process.exitCode = 1;
  }
}

async function change(urls: readonly string[], level: string, { json, service }: LogLevelOptions): Promise<void> {
  const found = await readStatuses(urls);
  const wanted = found.filter(({ services }) => service === undefined || services.some(({ name }) => name === service));
  if (wanted.length === 0) {
    const what = service === undefined ? 'no process' : `no process that runs ${service}`;
    throw new CommandFailure(`${what} answers at ${urls[0]}: start a system with npm start, or set WEFT_OPS_URLS`);
  }
  for (const { url } of wanted) await setLogLevel(url, level);
  const changed = wanted.map(({ url, services }) => ({ url, services: services.map(({ name }) => name), level }));
  if (json) await print(toJson(changed));
  else for (const one of changed) await print(`${one.services.join(', ')}: ${level}`);
}
