import { Presets, SingleBar } from 'cli-progress';

let shownBar: SingleBar | undefined;

/** Takes away a bar that is still shown, and gives the terminal its cursor back. */
export function clearProgress(): void {
  shownBar?.stop();
  shownBar = undefined;
}

export interface Progress {
  /** One more is done. */
  step(): void;
  stop(): void;
}

/** A progress bar on standard error while that is a terminal, else nothing. */
export function startProgress(label: string, total: number, shown: boolean): Progress {
  if (!shown || !process.stderr.isTTY || total === 0) return { step: () => {}, stop: () => {} };
  const format = `  ${label.padEnd(10)} {bar} {percentage}%  {value}/{total}  {duration_formatted}`;
  const bar = new SingleBar(
    { format, hideCursor: true, clearOnComplete: true, barsize: 30, stream: process.stderr },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  shownBar = bar;
  return { step: () => bar.increment(), stop: clearProgress };
}
