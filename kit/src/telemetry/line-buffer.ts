import { writeSync } from 'node:fs';

const SIZE = 64 * 1024;
/** Characters. */
const TEXT = 4096;
const FLUSH_MS = 200;
const LAST_WAITS = 20;
const LAST_WAIT_MS = 10;

/**
 * Takes lines to a file descriptor, many with one write: at the latest after 200 ms, when 64 KiB wait, and when the process
 * exits. Where the descriptor does not block, a reader that is too slow holds nobody up: what has no room is dropped, and a
 * line tells how many were.
 */
export class LineBuffer {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(SIZE);
  #text = '';
  #lines = 0;
  #used = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #broken = false;

  constructor(fd: number) {
    this.#fd = fd;
    process.on('exit', () => this.#flushLast());
  }

  write(line: string): void {
    if (this.#broken) return;
    if (this.#text.length + line.length > TEXT) this.#encode();
    this.#text += line;
    this.#lines++;
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  flush(): void {
    this.#encode();
    this.#drain();
    if (this.#used === 0 && this.#dropped > 0) this.#tellDropped();
  }

  /** Lines that have come meanwhile, together: one at a time costs twice as much. */
  #encode(): void {
    const [text, lines] = [this.#text, this.#lines];
    this.#text = '';
    this.#lines = 0;
    // No character takes more than three bytes of UTF-8 for each unit of the string.
    if (!this.#hasRoom(text.length * 3)) this.#drain();
    if (this.#hasRoom(text.length * 3) || this.#hasRoom(Buffer.byteLength(text)))
      this.#used += this.#buffer.write(text, this.#used);
    else this.#dropped += lines;
  }

  #drain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let written = 0;
    try {
      while (written < this.#used) written += writeSync(this.#fd, this.#buffer, written, this.#used - written);
    } catch (error) {
      // Nobody reads any more.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#broken = true;
    }
    this.#buffer.copyWithin(0, written, this.#used);
    this.#used -= written;
    if (this.#used > 0 && !this.#broken) this.#timer = setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  /** A slow reader gets some time: the last lines are those that say why. */
  #flushLast(): void {
    this.flush();
    for (let wait = 0; wait < LAST_WAITS && this.#used + this.#lines > 0 && !this.#broken; wait++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WAIT_MS);
      this.flush();
    }
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    const time = new Date().toISOString();
    this.write(
      `${JSON.stringify({ level: 'warn', time, lines, msg: 'log lines dropped: their reader is too slow' })}\n`,
    );
  }

  #hasRoom(bytes: number): boolean {
    return this.#used + bytes <= SIZE;
  }
}
