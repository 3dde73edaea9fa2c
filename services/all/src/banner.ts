const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** What a person reads once everything runs. */
export interface Banner {
  readonly began: number;
  /** How many services run, and how. */
  readonly services: number;
  readonly how: string;
  readonly dataFolder: string;
  readonly ports: readonly string[];
  readonly hints: readonly string[];
}

export function printBanner({ began, services, how, dataFolder, ports, hints }: Banner): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const count = `${WORDS[services] ?? services} service${services === 1 ? '' : 's'}`;
  const lines = [
    `Weft is ready after ${seconds} s: ${count}${how}, data in ${dataFolder}`,
    '',
    ...ports.map((line) => `  ${line}`),
    '',
    ...hints,
    'Stop with Ctrl-C; the data stays.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What to do first with a whole system. */
export function firstSteps(catalog: string): string[] {
  return [
    'Place an order and follow it:   npx weft demo',
    `Look around with grpcurl:       grpcurl -plaintext ${catalog} weft.catalog.v1.CatalogService/ListProducts`,
  ];
}

export function portLine(name: string, address: string, rest = ''): string {
  return `${name.padEnd(14)} ${address}${rest}`;
}
