import { WeftError } from '@weft/client';
import { RemoteError } from '@weft/kit/rpc';

/** One line that says what went wrong, with the reason that the service gave and the field it is about. */
export function describeError(error: unknown): string {
  if (error instanceof RemoteError) return describeRefusal(error, error.violations);
  if (error instanceof WeftError) return describeRefusal(error, error.fields);
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, ' ');
}

function describeRefusal(
  { message, reason, metadata }: RemoteError | WeftError,
  violations: readonly { readonly field: string; readonly description: string }[],
): string {
  const refused = /connect ECONNREFUSED ([^\s,]+)/.exec(message)?.[1];
  if (refused) return `nothing answers at ${refused}: start a system with npm start, or use --embedded`;
  const about = Object.entries(metadata).map(([name, value]) => `${name}=${value}`);
  const fields = violations.map(({ field, description }) => `${field} ${description}`);
  const text = fields.length > 0 ? fields.join('; ') : message.replaceAll(/\s*\n\s*/g, ' ');
  return `${text} (${[reason, ...about].join(', ')})`;
}
