/** The promise's outcome, or `fallback()` when it has none after `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, fallback: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  // A loser that fails afterwards must not become an unhandled rejection.
  promise.catch(() => undefined);
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), late]);
    return first === 'late' ? await fallback() : first.value;
  } finally {
    clearTimeout(timer);
  }
}
