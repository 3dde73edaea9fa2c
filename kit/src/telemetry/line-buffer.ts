import { writeSync } from 'node:fs';

const SIZE = 64 * 1024;
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
    // No character takes more than three bytes of UTF-8 for each unit of the string.
    if (!this.#hasRoom(line.length * 3)) {
      this.flush();
      if (!this.#hasRoom(Buffer.byteLength(line))) {
        this.#dropped++;
        return;
      }
    }
    this.#used += this.#buffer.write(line, this.#used);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  flush(): void {
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
    if (this.#used === 0 && this.#dropped > 0) this.#tellDropped();
  }

  /** A slow reader gets some time: the last lines are those that say why. */
  #flushLast(): void {
    this.flush();
    for (let wait = 0; wait < LAST_WAITS && this.#used > 0 && !this.#broken; wait++) {
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
