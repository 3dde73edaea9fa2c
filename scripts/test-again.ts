import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

// After a run of the tests that failed: the files that failed, once more and one at a time, since a machine that stops for
// seconds breaks deadlines of two. A file that fails twice has failed; one that passes is named, and wants mending.

interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  failures: { path: string; passed: number; skipped: number }[];
}

/** More than a few have a reason. */
const MOST = 4;

const file = process.env.WEFT_SUMMARY_FILE;
if (!file) throw new Error('WEFT_SUMMARY_FILE names the summary of the run');
const read = () => JSON.parse(readFileSync(file, 'utf8')) as Summary;
const first = read();
const paths = first.failures.map(({ path }) => path);
if (paths.length === 0 || paths.length > MOST) process.exit(1);

console.log(`\nfailed, and tried once more: ${paths.join(', ')}`);
const { status } = spawnSync('npm', ['test', '--', '--runInBand', '--runTestsByPath', ...paths], { stdio: 'inherit' });
const second = read();
const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
const counts: Summary = {
  passed: first.passed - sum(first.failures.map(({ passed }) => passed)) + second.passed,
  failed: second.failed,
  skipped: first.skipped - sum(first.failures.map(({ skipped }) => skipped)) + second.skipped,
  failures: second.failures,
};
writeFileSync(file, `${JSON.stringify(counts)}\n`);
if (status === 0) console.log(`unstable: ${paths.join(', ')} passed only the second time`);
process.exit(status ?? 1);
