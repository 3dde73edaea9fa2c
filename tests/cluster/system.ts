import { services } from '@weft/all/services';
import { createTracing } from '@weft/kit/telemetry';
import { clientsAt, type Shopkeeper, shopkeeper } from '../flows/shop.ts';
import { type Cluster, type Forward, forwardIngress } from './cluster.ts';

/** The installed system, as whoever comes through the ingress sees it. */
export interface System extends Shopkeeper {
  readonly cluster: Cluster;
  /** host:port of the ingress, on this machine. */
  readonly ingress: string;
  readonly login: { readonly email: string; readonly password: string };
  close(): Promise<void>;
}

export const tracing = createTracing({ service: 'test', version: '0', ratio: 0, endpoint: '' });

export async function openSystem(cluster: Cluster): Promise<System> {
  const ingress: Forward = await forwardIngress(cluster);
  try {
    const { data } = await cluster.get<{ data: Readonly<Record<string, string>> }>('secret', 'weft-admin');
    const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
    const login = { email: text('ADMIN_EMAIL'), password: text('ADMIN_PASSWORD') };
    const keeper = await shopkeeper((token) => clientsAt(() => ingress.address, token), login);
    return { ...keeper, cluster, login, ingress: ingress.address, close: ingress.close };
  } catch (error) {
    await ingress.close();
    throw error;
  }
}

/** What leads `weft` to the system, as its administrator. */
export function environmentOf({ ingress, login }: System): NodeJS.ProcessEnv {
  const targets = services.map(({ spec }) => [`${spec.name.toUpperCase()}_TARGET`, ingress]);
  const admin = { WEFT_ADMIN_EMAIL: login.email, WEFT_ADMIN_PASSWORD: login.password };
  return { ...process.env, ...Object.fromEntries(targets), ...admin, WEFT_GATEWAY_URL: `http://${ingress}` };
}
