/** What kept the embedded PostgreSQL from doing its work: one line for a person, with what to do where there is something to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

// No instanceof: Node's own errors are of another realm than ours under a test runner.
function field(error: unknown, name: 'code' | 'message'): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

export function errorCode(error: unknown): string | undefined {
  return field(error, 'code');
}

export function oneLine(error: unknown): string {
  return (field(error, 'message') ?? String(error)).replace(/\s*\n\s*/g, ' ').trim();
}
