/**
 * npm run build [-- FOLDER [SERVICE…]]: every service, or those named, as one file, dist/<name>.js, with its source map. `all` is
 * npm start. Next to them dist/weft.postman_collection.json, made of the OpenAPI document.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
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
  const document = JSON.parse(await readFile(join(ROOT, 'gen/openapi/openapi.json'), 'utf8')) as Document;
  await writeFile(
    join(OUT, 'weft.postman_collection.json'),
    `${JSON.stringify(postmanCollection(document), null, 2)}\n`,
  );
}
