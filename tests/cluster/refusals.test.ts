import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const MAIN = join(import.meta.dirname, 'main.ts');

/** What a cluster answers, by what of kubectl's arguments is asked for. */
type Answers = Readonly<Record<string, object | string>>;

// Stands for kubectl and helm: answers are in a file beside it, what it was asked goes to another.
const PROGRAM = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2).join(' ');
appendFileSync(__dirname + '/asked', args + '\\n');
const answers = JSON.parse(readFileSync(__dirname + '/answers', 'utf8'));
const [, answer = ''] = Object.entries(answers).find(([part]) => args.includes(part)) ?? [];
// Nothing is made: what has got that far ends there.
if (args.includes('create -f')) process.exit(1);
process.stdout.write(typeof answer === 'string' ? answer : JSON.stringify(answer));
`;

interface Ran extends SpawnSyncReturns<string> {
  /** What kubectl and helm were asked, a line each. */
  readonly asked: string;
}

function testCluster(answers: Answers, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): Ran {
  const folder = mkdtempSync(join(tmpdir(), 'weft-refusals-'));
  try {
    for (const name of ['kubectl', 'helm']) writeFileSync(join(folder, name), PROGRAM, { mode: 0o755 });
    writeFileSync(join(folder, 'asked'), '');
    writeFileSync(join(folder, 'answers'), JSON.stringify({ 'current-context': 'kind-weft', ...answers }));
    const path = [folder, process.env.PATH].join(delimiter);
    const ran = spawnSync(process.execPath, [MAIN, ...args], {
      encoding: 'utf8',
      timeout: 50_000,
      env: { ...process.env, PATH: path, ...env },
    });
    return { ...ran, asked: readFileSync(join(folder, 'asked'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const changes = /\b(delete|create|apply|install|upgrade|uninstall)\b/;
const namespace = (labels: object) => ({ kind: 'Namespace', metadata: { labels } });

describe('npm run test:cluster', () => {
  it('touches no namespace that it has not made', () => {
    const labels = { 'kubernetes.io/metadata.name': 'weft' };
    const { status, stderr, asked } = testCluster(
      { 'get namespace weft ': namespace(labels) },
      { WEFT_TEST_NAMESPACE: 'weft' },
    );
    expect(stderr).toMatch(/^cluster tests refused: namespace weft is not of these tests .*\n$/);
    expect(status).toBe(1);
    expect(asked).not.toMatch(changes);
  });

  it('is not told where to go by what tells weft canary', () => {
    const { stderr, asked } = testCluster({ 'get namespace': namespace({}) }, { WEFT_NAMESPACE: 'weft' });
    expect(stderr).toContain('namespace weft-test is not of these tests');
    expect(asked).not.toMatch(changes);
  });

  it('names the parts that there are', () => {
    const { status, stderr, asked } = testCluster({}, {}, ['--only', 'rolling,cannary']);
    expect({ status, asked }).toEqual({ status: 1, asked: '' });
    expect(stderr).toMatch(/^cluster tests refused: no such part: cannary; there are quick, .*canary.*\n$/);
  });

  describe('beside another Weft', () => {
    const ingress = { items: [{ metadata: { labels: { istio: 'ingressgateway', app: 'ingress' } } }] };
    const gateway = (namespace: string, selector: object, host: string) => ({
      metadata: { name: 'weft', namespace },
      spec: { selector, servers: [{ port: { number: 80 }, hosts: [host] }] },
    });
    const beside = (...items: readonly object[]) =>
      testCluster({ 'get pods -l istio=ingressgateway': ingress, 'get gateways': { items } });
    const ofIngress = { istio: 'ingressgateway' };

    it.each(['*', './*'])('installs nothing where that has host %s of the same ingress', (host) => {
      const { status, stderr, asked } = beside(gateway('weft', ofIngress, host));
      expect(stderr).toMatch(/^cluster tests refused: Gateway weft\/weft has every host of port 80 .*\n$/);
      expect(status).toBe(1);
      expect(asked).not.toMatch(changes);
    });

    it('goes on where it has hosts of its own or another ingress, or is what the tests left', () => {
      const { stderr, asked } = beside(
        gateway('weft', ofIngress, 'shop.example'),
        gateway('weft', { istio: 'eastwestgateway' }, '*'),
        gateway('weft-test', ofIngress, '*'),
      );
      expect(stderr).not.toContain('refused');
      expect(asked).toContain('create -f -');
    });
  });
});
