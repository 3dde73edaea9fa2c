import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { prettyLine } from '@weft/kit/telemetry';
import { RUNNING } from '../clients/cli/src/system/ops.ts';
import { stopWithParent } from '../services/all/src/stop-with-parent.ts';
import { keepLines } from './observed-lines.ts';
import { startPane } from './observed-pane.ts';
import { opsPorts } from './observed-targets.ts';

// npm start, together with what of the observability stack is on the path. What is not there is said and left out.

const ROOT = join(import.meta.dirname, '..');
const folder = resolve(process.env.WEFT_DATA || '.weft', 'observed');

stopWithParent(process.env);
let ending = false;
const pane = startPane({
  stack: join(ROOT, 'k8s/observability'),
  folder,
  opsPorts: opsPorts(RUNNING, process.env),
  environment: process.env,
  ended(program, code) {
    if (!ending) console.error(`${program} ended with ${code}; Weft goes on without it`);
  },
});
console.log(`${pane.says.join('\n')}\n`);

const { linesFile } = pane;
const { LOG_LEVEL, LOG_FORMAT } = process.env;
// Calls are for Loki: here is shown what npm start shows.
const forLines = linesFile && { LOG_FORMAT: 'json', LOG_LEVEL: LOG_LEVEL || 'info' };
const weft = spawn(process.execPath, [join(ROOT, 'services/all/src/main.ts')], {
  stdio: ['inherit', linesFile ? 'pipe' : 'inherit', 'inherit'],
  env: { ...process.env, ...pane.environment, ...forLines },
});
if (linesFile && weft.stdout) {
  const pretty = (LOG_FORMAT || (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty';
  keepLines(weft.stdout, linesFile, {
    show(line) {
      const level = levelOf(line);
      if (level === 'info' && !LOG_LEVEL) return;
      process.stdout.write(level && pretty ? prettyLine(line) : `${line}\n`);
    },
  });
}
const end = () => {
  ending = true;
  weft.kill('SIGTERM');
};
process.on('SIGINT', end);
process.on('SIGTERM', end);
weft.on('exit', (code) => {
  ending = true;
  void pane.stop();
  process.exitCode = code ?? 1;
});

/** Undefined where the line is none of a log. */
function levelOf(line: string): unknown {
  try {
    return line.startsWith('{') ? JSON.parse(line).level : undefined;
  } catch {
    return;
  }
}
