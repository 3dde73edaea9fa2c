export type NoticeListener = (text: string) => void;

/** What a notice may have: PostgreSQL takes 8,000 bytes. */
const MOST_BYTES = 7_000;

/** Who of this process listens to what. */
export class NoticeListeners {
  readonly #byTopic = new Map<string, Set<NoticeListener>>();

  on(topic: string, listener: NoticeListener): () => void {
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  heard(topic: string, text: string): void {
    for (const listener of this.#byTopic.get(topic) ?? []) listener(text);
  }
}

/** @throws RangeError when a notice is too long for some driver */
export function checkNotice(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) throw new RangeError(`a notice has at most ${MOST_BYTES} bytes, and this one ${bytes}`);
}
