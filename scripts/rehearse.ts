import { spawnSync } from 'node:child_process';

/** Has a bundle write down the code that V8 makes of it, for the next start by this Node.js. */
export function rehearse(main: string): void {
  const { status, stderr } = spawnSync(process.execPath, [main], {
    env: { WEFT_REHEARSAL: 'true' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0 || !stderr.includes(' is required')) throw new Error(`${main} cannot be loaded: ${stderr}`);
}
