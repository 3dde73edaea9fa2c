import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

function styled(format: Format): (text: string) => string {
  // Colours only on a terminal, and not with NO_COLOR.
  return (text) => styleText(format, text, { stream: process.stdout, validateStream: true });
}

export const bold = styled('bold');
export const dim = styled('dim');
export const good = styled('green');
export const bad = styled('red');
export const notable = styled('yellow');

/** The status of an order, saga or step: well, undone or on its way. */
export function coloured(status: string): string {
  if (status === 'COMPLETED' || status === 'DONE') return good(status);
  return /^(REJECTED|CANCELLED|COMPENSATED|FAILED|UNDONE)$/.test(status) ? bad(status) : notable(status);
}
