import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js';
import type { Registry } from './registry.ts';

/** Targets are `weft:///<service>`. */
export const REGISTRY_SCHEME = 'weft';

const REGISTRY = 'weft.registry';

const seconds = (count: number) => ({ seconds: count, nanos: 0 });

/** Every call goes to the next instance; one that fails most of its calls is left out for a while, half of them at most. */
const LOAD_BALANCING = [
  {
    outlier_detection: {
      interval: seconds(2),
      base_ejection_time: seconds(10),
      max_ejection_time: seconds(60),
      max_ejection_percent: 50,
      failure_percentage_ejection: { threshold: 80, enforcement_percentage: 100, minimum_hosts: 2, request_volume: 20 },
      child_policy: [{ round_robin: {} }],
    },
  },
];

/** What a channel to a target of the registry needs; nothing for other targets. Throws when there is no registry to ask. */
export function registryChannelOptions(target: string, registry: Registry | undefined) {
  if (!target.startsWith(`${REGISTRY_SCHEME}:`)) return undefined;
  if (!registry) throw new Error(`${target} needs a registry: set DISCOVERY=registry and REGISTRY_URL`);
  const options: ChannelOptions = { [REGISTRY]: registry };
  return { options, loadBalancingConfig: LOAD_BALANCING };
}

/** Gives a channel the addresses that the registry has, and each change of them. */
class RegistryResolver implements experimental.Resolver {
  readonly #service: string;
  readonly #registry: Registry;
  readonly #listener: experimental.ResolverListener;
  #forget: (() => void) | undefined;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, options: ChannelOptions) {
    this.#service = RegistryResolver.getDefaultAuthority(target);
    this.#registry = options[REGISTRY] as Registry;
    this.#listener = listener;
  }

  static getDefaultAuthority({ path }: experimental.GrpcUri): string {
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(path)) throw new Error(`"${path}" is no name of a service`);
    return path;
  }

  updateResolution(): void {
    if (this.#forget) this.#registry.refresh();
    else this.#forget = this.#registry.watch(this.#service, (addresses) => this.#tell(addresses));
  }

  destroy(): void {
    this.#forget?.();
    this.#forget = undefined;
  }

  #tell(addresses: readonly string[]): void {
    const endpoints = addresses.flatMap((address) => {
      const at = experimental.splitHostPort(address);
      return at?.port === undefined ? [] : [{ addresses: [{ host: at.host, port: at.port }] }];
    });
    const details = `the registry knows no instance of ${this.#service}`;
    // A channel keeps the instances that it has when there are none: they may be better than nothing.
    const found =
      endpoints.length > 0
        ? experimental.statusOrFromValue(endpoints)
        : experimental.statusOrFromError<typeof endpoints>({
            code: status.UNAVAILABLE,
            details,
            metadata: new Metadata(),
          });
    this.#listener(found, {}, null, '');
  }
}

experimental.registerResolver(REGISTRY_SCHEME, RegistryResolver);
