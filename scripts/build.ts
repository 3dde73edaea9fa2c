/**
 * npm run build [-- FOLDER [SERVICE…]]: every service, or those named, as one file, dist/<name>.js, with its source map. `all` is
 * npm start. Next to them dist/weft.postman_collection.json, made of the OpenAPI document, and one of each earlier version.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { bundle } from './bundle.ts';
import { type Document, postmanCollection } from './postman.ts';
import { buildable, chosen, ROOT } from './services.ts';

const OUT = process.argv[2] ?? join(ROOT, 'dist');

const services = chosen(process.argv.slice(3), await buildable());
await rm(OUT, { recursive: true, force: true });
await bundle({
  entryPoints: Object.fromEntries(services.map((name) => [name, join(ROOT, 'services', name, 'src/main.ts')])),
  outdir: OUT,
});
process.stdout.write(`${services.map((name) => join(relative(process.cwd(), OUT), `${name}.js`)).join(' ')}\n`);

if (process.argv[2] === undefined) {
  const folder = join(ROOT, 'gen/openapi');
  for (const file of await readdir(folder)) {
    const collection = postmanCollection(JSON.parse(await readFile(join(folder, file), 'utf8')) as Document);
    const name = file.replace(/^openapi/, 'weft').replace(/json$/, 'postman_collection.json');
    await writeFile(join(OUT, name), `${JSON.stringify(collection, null, 2)}\n`);
  }
}
