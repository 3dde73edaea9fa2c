import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectsOf, run, VERSIONS } from '../charts/render.ts';
import { ROOT } from './generate.ts';

export { hasHelm } from '../charts/render.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes of any kind, looked at by tests
export type Rendered = any;

export interface Render {
  /** By kind and name: `VirtualService/orders`. */
  readonly objects: ReadonlyMap<string, Rendered>;
  /** What helm said when it refused. */
  readonly refusal: string;
  readonly text: string;
}

/**
 * Renders charts/service for one service.
 * @param files generated files that take the place of the chart's own, by path from the repository's root
 */
export function render(service: string, values: object = {}, files: ReadonlyMap<string, string> = new Map()): Render {
  const base = mkdtempSync(join(tmpdir(), 'weft-render-'));
  try {
    cpSync(join(ROOT, 'charts/service'), join(base, 'charts/service'), { recursive: true });
    for (const [path, text] of files) writeFileSync(join(base, path), text);
    writeFileSync(join(base, 'values.json'), JSON.stringify({ name: service, ...values }));
    const chart = [join(base, 'charts/service'), '-n', 'weft', '-f', join(base, 'values.json')];
    const { status, stdout, stderr } = run('helm', 'template', service, ...chart, ...VERSIONS);
    if (status !== 0) return { objects: new Map(), refusal: stderr, text: '' };
    const objects = objectsOf(stdout).map((one): [string, Rendered] => [`${one.kind}/${one.metadata.name}`, one]);
    return { objects: new Map(objects), refusal: '', text: stdout };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** The routes of a rendered VirtualService by the method that they are named after. */
export const routesOf = (virtualService: Rendered, name: string): Rendered[] =>
  virtualService.spec.http.filter((route: Rendered) => route.name === name);

/** Whether a policy lets a principal use a path, as Istio reads it. */
export function admits(policy: Rendered, principal: string, path: string, port = '50051'): boolean {
  const fits = (pattern: string, text: string) =>
    pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
  return policy.spec.rules.some(
    ({ from, to }: Rendered) =>
      from.some(({ source }: Rendered) => source.principals?.some((one: string) => fits(one, principal))) &&
      to.some(
        ({ operation }: Rendered) =>
          operation.ports.includes(port) && operation.paths.some((one: string) => fits(one, path)),
      ),
  );
}
