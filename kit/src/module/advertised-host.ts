import { networkInterfaces } from 'node:os';
import type { ConfigOf } from '../config/index.ts';
import type { serviceSettings } from './settings.ts';

type Addresses = Pick<ConfigOf<typeof serviceSettings>, 'advertisedHost' | 'grpcHost'>;

/** Where callers find it. Throws where it listens everywhere and no address of this machine is for others. */
export function advertisedHost({ advertisedHost: named, grpcHost }: Addresses): string {
  if (named !== '') return named;
  if (grpcHost !== '0.0.0.0' && grpcHost !== '::') return grpcHost;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.find(({ internal, family }) => !internal && family === 'IPv4');
  if (!outside) throw new Error('ADVERTISED_HOST is required: this machine has no address of its own');
  return outside.address;
}
