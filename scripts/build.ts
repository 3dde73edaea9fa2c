/**
 * npm run build [-- FOLDER [SERVICE…] [--unrehearsed]]: every service, or those named, as dist/<name>.js, which runs what is bundled in
 * dist/<name>.cjs, with its source map and, unless it is not rehearsed, the code that this Node.js made of it. `all` is npm start. Next to them dist/weft.postman_collection.json, made of the OpenAPI document, and one of each earlier version.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { type Document, postmanCollection } from './postman.ts';
import { rehearse } from './rehearse.ts';
import { buildable, chosen, ROOT } from './services.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { unrehearsed: { type: 'boolean' } } });
const [folder, ...names] = positionals;
const OUT = folder ?? join(ROOT, 'dist');

const services = chosen(names, await buildable());
await rm(OUT, { recursive: true, force: true });
await bundle({
  entryPoints: Object.fromEntries(services.map((name) => [name, join(ROOT, 'services', name, 'src/main.ts')])),
  outdir: OUT,
});
// What has no settings ends once it is loaded; `all` has them all by default, and would start.
for (const name of values.unrehearsed ? [] : services.filter((one) => one !== 'all')) rehearse(join(OUT, `${name}.js`));
process.stdout.write(`${services.map((name) => join(relative(process.cwd(), OUT), `${name}.js`)).join(' ')}\n`);

if (folder === undefined) {
  const documents = join(ROOT, 'gen/openapi');
  for (const file of await readdir(documents)) {
    const collection = postmanCollection(JSON.parse(await readFile(join(documents, file), 'utf8')) as Document);
    const name = file.replace(/^openapi/, 'weft').replace(/json$/, 'postman_collection.json');
    await writeFile(join(OUT, name), `${JSON.stringify(collection, null, 2)}\n`);
  }
}
