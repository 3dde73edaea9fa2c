import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const FIRST_PORT = 9464;
const LOOK_MS = 5_000;
const ASK_MS = 1_000;

interface Prometheus {
  readonly global: object;
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly { readonly job_name: string }[];
}

/** Where npm start has its ops port, and start:split those of its services. */
export function opsPorts(services: readonly string[], environment: NodeJS.ProcessEnv): readonly number[] {
  const first = Number(environment.OPS_PORT || FIRST_PORT);
  const own = services.map((name, index) => Number(environment[`${name.toUpperCase()}_OPS_PORT`] || first + index));
  return [...new Set([first, ...own])];
}

/**
 * Writes Prometheus' configuration for this machine as JSON, which it reads as well; gives its file. Its targets are read from targets.json.
 * @param stack folder of prometheus.yaml and its rules
 * @param folder that is written to
 * @param others where alerts are sent, as host:port, and where their links lead, as URL
 */
export function writePrometheus(
  stack: string,
  folder: string,
  { alertmanager, grafana }: { readonly alertmanager?: string; readonly grafana?: string } = {},
): string {
  const known = parse(readFileSync(join(stack, 'prometheus.yaml'), 'utf8')) as Prometheus;
  const file = join(folder, 'prometheus.json');
  const here = {
    ...known,
    global: { ...known.global, ...(grafana && { external_labels: { grafana } }) },
    ...(alertmanager && {
      alerting: {
        alert_relabel_configs: [{ regex: 'grafana', action: 'labeldrop' }],
        alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }],
      },
    }),
    rule_files: known.rule_files.map((rules) => join(stack, rules)),
    scrape_configs: known.scrape_configs.map(({ job_name }) => ({
      job_name,
      file_sd_configs: [{ files: [join(folder, 'targets.json')] }],
    })),
  };
  writeFileSync(file, JSON.stringify(here, null, 2));
  return file;
}

/** Keeps targets.json: the first port, and of the others those that have answered once. One that never ran is nothing that is away. */
export function keepTargets(folder: string, [first = FIRST_PORT, ...others]: readonly number[]): () => void {
  const found = new Set([first]);
  const write = () => {
    const file = join(folder, 'targets.json');
    writeFileSync(`${file}.new`, JSON.stringify([{ targets: [...found].map((port) => `127.0.0.1:${port}`) }]));
    renameSync(`${file}.new`, file);
  };
  const look = async () => {
    const answers = others.map(async (port) => {
      if (found.has(port)) return;
      const url = `http://127.0.0.1:${port}/livez`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) }).catch(() => undefined);
      if (!answer?.ok) return;
      found.add(port);
      write();
    });
    await Promise.all(answers);
  };
  write();
  const timer = setInterval(() => void look(), LOOK_MS);
  return () => clearInterval(timer);
}
