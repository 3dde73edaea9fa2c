import { isOpen, type Letters, PAGE, toLetter } from './letters.ts';
import type { Link } from './link.ts';
import { LETTERS, lettersOf } from './subjects.ts';

const MAX_PAGES = 400;

/** How many dead letters there are: each is read once, and the next time what has come since. */
export class LetterCount {
  readonly #link: Link;
  readonly #letters: Letters;
  /** By consumer, the subjects of those that nobody has dealt with. */
  readonly #open = new Map<string, Set<string>>();
  #next = 1;
  #reading: Promise<void> = Promise.resolve();

  constructor(link: Link, letters: Letters) {
    this.#link = link;
    this.#letters = letters;
  }

  async of(consumer: string): Promise<number> {
    const read = () => this.#read();
    this.#reading = this.#reading.then(read, read);
    await this.#reading;
    return this.#open.get(consumer)?.size ?? 0;
  }

  async #read(): Promise<void> {
    const { state } = await this.#link.line.manager.streams.info(LETTERS);
    const known = this.#open.values().reduce((sum, { size }) => sum + size, 0);
    if (state.last_seq < this.#next - 1 || known > state.messages) {
      // It is another stream by now, or somebody removed some.
      this.#open.clear();
      this.#next = 1;
    }
    for (let page = 0; page < MAX_PAGES && this.#next <= state.last_seq; page++) {
      const messages = await this.#letters.page(this.#next, lettersOf(undefined));
      for (const { subject, header, data, seq } of messages) {
        const letter = toLetter(header, data);
        const of = this.#open.get(letter.consumer) ?? new Set();
        this.#open.set(letter.consumer, of);
        if (isOpen(letter)) of.add(subject);
        else of.delete(subject);
        this.#next = seq + 1;
      }
      if (messages.length < PAGE) break;
    }
  }
}
