import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

const MAX_FILE = 50 * 1024 * 1024;
const MAX_LINE = 128 * 1024;

/** The file that holds the lines before those of the file; there is one. */
export const earlierLines = (file: string) => file.replace(/\.json$/, '.1.json');

interface LineOptions {
  /** Bytes after which a new file is begun. */
  readonly maxFile?: number;
  readonly show: (line: string) => void;
}

/** Shows every line of a stream, and adds those that are JSON to a file. A line that is too long for a log is cut in parts. */
export function keepLines(lines: Readable, file: string, { maxFile = MAX_FILE, show }: LineOptions): void {
  let fd: number | undefined = openSync(file, 'a', 0o600);
  let size = fstatSync(fd).size;
  let rest = '';
  const add = (text: string) => {
    if (fd === undefined || text === '') return;
    try {
      if (size >= maxFile) {
        closeSync(fd);
        renameSync(file, earlierLines(file));
        fd = openSync(file, 'a', 0o600);
        size = 0;
      }
      size += writeSync(fd, text);
    } catch (error) {
      fd = undefined;
      console.error(`no more lines are kept: ${(error as Error).message}`);
    }
  };
  const take = (text: string) => {
    const whole = (rest + text).split('\n');
    rest = whole.pop() ?? '';
    if (rest.length > MAX_LINE) whole.push(rest);
    if (rest.length > MAX_LINE) rest = '';
    for (const line of whole) show(line);
    add(whole.flatMap((line) => (line.startsWith('{') ? [`${line}\n`] : [])).join(''));
  };
  lines.setEncoding('utf8');
  lines.on('data', take);
  lines.on('end', () => rest !== '' && take('\n'));
}
