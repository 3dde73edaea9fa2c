import { type Command, InvalidArgumentError, Option } from 'commander';
import { wholeNumber } from './options.ts';

const CANARY = `
A canary is a second Deployment of a service with another image, which gets a share of the calls, and those with its headers.
It is driven through the values of the helm release that has the service: of charts/weft, or of charts/service alone. KUBECTL
and HELM name other commands than kubectl and helm (3.14 or newer); both use their current context. The release has to be of the
version of the chart that is in charts/, or that --chart names.

status looks at the metrics of all pods for some seconds and compares the share of failed calls by gRPC code (an answer that
is the caller's fault is none) and the p99. Its exit code is 0 when the canary is as good, 1 when it is worse, 2 when it has had
too few calls to say.`;

export function addCanary(canary: Command): void {
  const commands = () => import('./commands/canary.ts');
  const add = (usage: string, description: string) =>
    canary
      .command(usage)
      .argument('<service>', 'which service', serviceName)
      .description(description)
      .addOption(new Option('--namespace <name>', 'where it runs').env('WEFT_NAMESPACE').default('weft'))
      .addOption(new Option('--release <name>', 'its helm release').env('WEFT_RELEASE').default('weft'))
      .addOption(
        new Option('--chart <chart>', 'the chart of the release, where it is not in charts/').env('WEFT_CHART'),
      )
      .option('--json', 'write the result as JSON')
      .addHelpText('after', CANARY);

  add('start', 'start a canary, or give it another image')
    .option('--tag <tag>', 'tag of its image', imageTag)
    .option('--digest <digest>', 'digest of its image: sha256:…', imageDigest)
    .option('--weight <percent>', 'its share of the calls', wholeNumber(0, 100), 10)
    .option(
      '--header <name=value>',
      'calls with this header go there whatever the share is; several may be given',
      header,
      {},
    )
    .action(async (service, options) => (await commands()).startCanary(service, options));
  add('weight', 'change its share of the calls')
    .argument('<percent>', '0 to 100', wholeNumber(0, 100))
    .action(async (service, weight, options) => (await commands()).setCanaryWeight(service, weight, options));
  add('status', 'compare it with the stable version')
    .option('--seconds <number>', 'how long to look', wholeNumber(1, 300), 10)
    .option('--ops-port <port>', 'port of /metrics in the pods', wholeNumber(1, 65535), 9464)
    .action(async (service, options) => (await commands()).canaryStatus(service, options));
  add('promote', 'make its image that of all pods, then end it').action(async (service, options) =>
    (await commands()).promoteCanary(service, options),
  );
  add('abort', 'end it; all calls go to the stable version').action(async (service, options) =>
    (await commands()).abortCanary(service, options),
  );
}

function serviceName(text: string): string {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(text))
    throw new InvalidArgumentError('It is the name of a service, such as orders.');
  return text;
}

function imageTag(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text) || text === 'latest')
    throw new InvalidArgumentError('It is a tag of an image, and not latest.');
  return text;
}

function imageDigest(text: string): string {
  if (!/^sha256:[a-f0-9]{64}$/.test(text)) throw new InvalidArgumentError('It is sha256: and 64 hexadecimal digits.');
  return text;
}

function header(text: string, others: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, value] = /^([a-z][a-z0-9-]*)=(\S+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It is a name in lower case and a value: x-canary=yes.');
  return { ...others, [name]: value };
}
