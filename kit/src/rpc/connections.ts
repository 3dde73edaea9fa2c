import { type ChannelOptions, connectivityState, experimental, Metadata } from '@grpc/grpc-js';

type Pick = ReturnType<experimental.Picker['pick']>;

/** A connection that is ready, as the channel's balancing has chosen it, and what balancing is told of a call on it. */
export interface Connection {
  readonly on: ReturnType<experimental.SubchannelInterface['getRealSubchannel']>;
  readonly started: Pick['onCallStarted'];
  readonly ended: Pick['onCallEnded'];
}

// No policy of ours looks at what is asked.
const NO_MATTER = { metadata: new Metadata(), extraPickInfo: {} };

/** The connections of one channel, which goes on making and balancing them. */
export class Connections {
  #picker: experimental.Picker | undefined;

  /** The next to call on; undefined where the channel has none that is ready. */
  next(): Connection | undefined {
    const pick = this.#picker?.pick(NO_MATTER);
    const on = pick?.subchannel?.getRealSubchannel();
    if (!pick || on?.getConnectivityState() !== connectivityState.READY) return undefined;
    return { on, started: pick.onCallStarted, ended: pick.onCallEnded };
  }

  /** Is told by the channel's balancing. */
  change(picker: experimental.Picker | undefined): void {
    this.#picker = picker;
  }
}

const POLICY = 'weft_connections';
// Connections of this process are shared by channels whose other options are the same.
const TOLD = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.weft_connections`;

/** What a channel needs so that its connections are known. */
export function connectionOptions(connections: Connections, loadBalancingConfig: readonly object[]) {
  const options: ChannelOptions = { [TOLD]: connections };
  return { options, loadBalancingConfig: [{ [POLICY]: { child_policy: loadBalancingConfig } }] };
}

class Config {
  readonly child: experimental.TypedLoadBalancingConfig;

  constructor(child: experimental.TypedLoadBalancingConfig) {
    this.child = child;
  }

  static createFromJson({ child_policy }: { child_policy: Parameters<typeof experimental.selectLbConfigFromList>[0] }) {
    const child = experimental.selectLbConfigFromList(child_policy);
    if (!child) throw new Error('knows none of its policies');
    return new Config(child);
  }

  getLoadBalancerName(): string {
    return POLICY;
  }

  toJsonObject(): object {
    return { [POLICY]: { child_policy: [this.child.toJsonObject()] } };
  }
}

/** Balances as another policy does, and tells of each change. */
class ToldBalancer implements experimental.LoadBalancer {
  readonly #child: experimental.ChildLoadBalancerHandler;
  #connections: Connections | undefined;

  constructor(channel: experimental.ChannelControlHelper) {
    const updateState: experimental.ChannelControlHelper['updateState'] = (state, picker, message) => {
      this.#connections?.change(state === connectivityState.READY ? picker : undefined);
      channel.updateState(state, picker, message);
    };
    this.#child = new experimental.ChildLoadBalancerHandler(
      experimental.createChildChannelControlHelper(channel, { updateState }),
    );
  }

  updateAddressList(...[endpoints, config, options, note]: Parameters<experimental.LoadBalancer['updateAddressList']>) {
    this.#connections = options[TOLD] as Connections;
    return this.#child.updateAddressList(endpoints, (config as Config).child, options, note);
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  resetBackoff(): void {
    this.#child.resetBackoff();
  }

  destroy(): void {
    this.#connections?.change(undefined);
    this.#child.destroy();
  }

  getTypeName(): string {
    return POLICY;
  }
}

experimental.registerLoadBalancerType(POLICY, ToldBalancer, Config);
