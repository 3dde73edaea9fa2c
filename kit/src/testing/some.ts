import type { GeneratedService, HandlersOf } from '../rpc/index.ts';

/** Handlers of some methods; the others fail. */
export function some<S extends GeneratedService>(generated: S, handlers: Partial<HandlersOf<S>>): HandlersOf<S> {
  const absent = () => {
    throw new Error('this test has no such handler');
  };
  const names = Object.keys(generated) as (keyof S)[];
  return Object.fromEntries(names.map((name) => [name, handlers[name] ?? absent])) as unknown as HandlersOf<S>;
}
