/**
 * npm run images [-- SERVICE…] [--tag TAG] [--target dev]: builds the image of every service, or of those named, and hands each to
 * the kind cluster. Without a tag it is the version of package.json, which the charts install.
 *
 * IMAGE_BUILD   the command that builds one; {image}, {service}, {tag}, {revision} and {target} are filled in
 * IMAGE_LOAD    the command that hands one to the cluster; empty: none. Where IMAGE_BUILD is set, that command does it all
 * IMAGE_PREFIX  what stands before the service's name: weft, or registry.example.com/weft
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildable, chosen, ROOT } from './services.ts';

const DOCKER =
  'docker build -f services/Dockerfile --target={target} --build-arg SERVICE={service} --build-arg VERSION={tag} --build-arg REVISION={revision} -t {image} .';
const KIND = 'kind load docker-image {image} --name weft';

const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tag: { type: 'string', default: version }, target: { type: 'string', default: 'service' } },
});
const { IMAGE_BUILD, IMAGE_PREFIX = 'weft' } = process.env;
const { IMAGE_LOAD = IMAGE_BUILD ? '' : KIND } = process.env;
const revision = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).stdout?.trim() || 'unknown';

try {
  const services = chosen(
    positionals,
    (await buildable()).filter((name) => name !== 'all'),
  );
  const command = IMAGE_BUILD || DOCKER;
  if (values.target !== 'service' && !command.includes('{target}'))
    throw new Error(`IMAGE_BUILD has no {target}: what it builds would not be the target ${values.target}`);
  for (const service of services) {
    const began = performance.now();
    const words = {
      ...{ service, revision, tag: values.tag, target: values.target },
      image: `${IMAGE_PREFIX}/${service}:${values.tag}`,
    };
    run(command, words);
    if (IMAGE_LOAD) run(IMAGE_LOAD, words);
    process.stdout.write(`${words.image}  ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  }
} catch (error) {
  process.stderr.write(`images: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

/** A command without a shell: words are separated by spaces. Its output is shown when it fails. */
function run(command: string, words: Readonly<Record<string, string>>): void {
  const [program = '', ...args] = command
    .trim()
    .split(/\s+/)
    .map((word) => word.replaceAll(/\{(\w+)\}/g, (whole, name) => words[name] ?? whole));
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error) throw new Error(`${program} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${status}\n${stdout}${stderr}`);
}
