import { isIPv6 } from 'node:net';

/**
 * Whom a request without a user is counted for: its address, or the network of 64 bits that one IPv6 customer has. What
 * x-forwarded-for says is believed only as far as our own proxies have written it.
 * @param proxies how many of ours stand before this process; each appends the address that it sees
 */
export function clientAddress(socket: string | undefined, forwarded: string | undefined, proxies: number): string {
  const hops = proxies > 0 && forwarded ? forwarded.split(',') : [];
  const address = hops.at(-proxies)?.trim() || socket || 'unknown';
  const plain = address.replace(/^::ffff:/, '');
  return plain.includes(':') && isIPv6(plain) ? `${network(plain)}::/64` : plain.slice(0, 64);
}

function network(address: string): string {
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
