import { CommandFailure } from '../shop/failure.ts';

export const SERVICES = [
  'users',
  'catalog',
  'inventory',
  'orders',
  'checkout',
  'payments',
  'shipping',
  'notifications',
  'audit',
] as const;

export type ServiceName = (typeof SERVICES)[number];

/** host:port of each service. */
export type Targets = Readonly<Record<ServiceName, string>>;

const FIRST_PORT = 50051;
const GATEWAY_PORT = 8080;

/** Where a gateway listens on this machine. */
export const gatewayAt = (port: number): string => `http://127.0.0.1:${port}`;

/** Where customers come in: WEFT_GATEWAY_URL, else the gateway of `npm start`. */
export function gatewayFrom({ WEFT_GATEWAY_URL: url }: NodeJS.ProcessEnv): string {
  if (!url) return gatewayAt(GATEWAY_PORT);
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new CommandFailure('WEFT_GATEWAY_URL must be a URL of http or https');
  return url;
}

/** Where a system listens on this machine: USERS_TARGET and so on, else the ports of `npm start`. */
export function targetsFrom(environment: NodeJS.ProcessEnv): Targets {
  const entries = SERVICES.map((service, index) => {
    const name = `${service.toUpperCase()}_TARGET`;
    const target = environment[name] || `127.0.0.1:${FIRST_PORT + index}`;
    if (!/^[A-Za-z0-9._[\]:-]+:\d{1,5}$/.test(target)) throw new CommandFailure(`${name} must be host:port`);
    return [service, target];
  });
  return Object.fromEntries(entries) as Record<ServiceName, string>;
}
