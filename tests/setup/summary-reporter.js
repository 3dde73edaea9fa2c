import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @param {import('@jest/reporters').TestResult} file */
const failed = (file) => file.numFailingTests > 0 || file.testExecError !== undefined;

/**
 * For CI: `N passed, N failed, N skipped` as the last line when WEFT_SUMMARY=1, and the same as JSON in the file that
 * WEFT_SUMMARY_FILE names, with the test files that failed. A test file that could not be run counts as one failed.
 */
export default class SummaryReporter {
  /**
   * @param {unknown} _contexts
   * @param {import('@jest/reporters').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    const summary = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      failures: results.testResults.filter(failed).map((file) => ({
        path: relative(process.cwd(), file.testFilePath),
        passed: file.numPassingTests,
        skipped: file.numPendingTests + file.numTodoTests,
      })),
    };
    const file = process.env.WEFT_SUMMARY_FILE;
    if (file) writeFileSync(file, `${JSON.stringify(summary)}\n`);
    if (process.env.WEFT_SUMMARY === '1') {
      // Jest's own summary comes after every reporter's; only at the exit is this the last line.
      process.once('exit', () => {
        process.stdout.write(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped\n`);
      });
    }
  }
}
