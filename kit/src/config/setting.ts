/** One setting: where it comes from and how its text becomes a value. `parse` throws an Error that states the rule. */
export interface Setting<T> {
  readonly name: string;
  readonly parse: (text: string) => T;
  readonly fallback?: T;
  /** Its value is never shown. */
  readonly secret: boolean;
}

/** The settings of a service, by the name that its code uses. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The typed values of settings. */
export type ConfigOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

interface Options<T> {
  readonly fallback?: T;
  readonly secret?: boolean;
}

function define<T>(name: string, parse: (text: string) => T, options: Options<T> = {}): Setting<T> {
  const base = { name, parse, secret: options.secret ?? false };
  return options.fallback === undefined ? base : { ...base, fallback: options.fallback };
}

function integer(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new Error(`must be a whole number from ${low} to ${high}`);
    return value;
  };
}

function urlOf(...protocols: string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !protocols.includes(url.protocol)) throw new Error(`must be a URL of ${protocols.join(' or ')}`);
    return text;
  };
}

/** Makers of settings, a name of the environment first. Without a fallback a setting is required. */
export const setting = {
  text: (name: string, options?: Options<string>) => define(name, (text) => text, options),
  integer: (name: string, range: { low: number; high: number }, options?: Options<number>) =>
    define(name, integer(range.low, range.high), options),
  port: (name: string, options?: Options<number>) => define(name, integer(0, 65535), options),
  /** Whole milliseconds, up to a day. */
  milliseconds: (name: string, options?: Options<number>) => define(name, integer(0, 86_400_000), options),
  flag: (name: string, options?: Options<boolean>) =>
    define(
      name,
      (text) => {
        if (text !== 'true' && text !== 'false') throw new Error('must be true or false');
        return text === 'true';
      },
      options,
    ),
  choice: <T extends string>(name: string, choices: readonly T[], options?: Options<T>) =>
    define(
      name,
      (text) => {
        const choice = choices.find((one) => one === text);
        if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
        return choice;
      },
      options,
    ),
  postgresUrl: (name: string, options?: Options<string>) =>
    define(name, urlOf('postgres:', 'postgresql:'), { secret: true, ...options }),
  /** Of one server or, separated by commas, of several of one cluster. */
  natsUrl: (name: string, options?: Options<string>) =>
    define(
      name,
      (text) => {
        for (const one of text.split(',')) urlOf('nats:', 'tls:')(one.trim());
        return text;
      },
      { secret: true, ...options },
    ),
  httpUrl: (name: string, options?: Options<string>) => define(name, urlOf('http:', 'https:'), options),
  /** host:port of a gRPC server, or weft:///service of the registry. */
  target: (name: string, options?: Options<string>) =>
    define(
      name,
      (text) => {
        if (!/^([A-Za-z0-9._[\]:-]+:\d{1,5}|weft:\/\/\/[a-z][a-z0-9-]*)$/.test(text))
          throw new Error('must be host:port');
        return text;
      },
      options,
    ),
};
