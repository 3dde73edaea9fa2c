import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import postman from 'postman-collection';
import { type Document, postmanCollection } from '../../scripts/postman.ts';

const text = readFileSync(join(import.meta.dirname, '../../gen/openapi/openapi.json'), 'utf8');
const document = JSON.parse(text) as Document;

it('the Postman collection has a request for every operation, as Postman reads it', () => {
  const collection = new postman.Collection(postmanCollection(document) as never);
  const found: string[] = [];
  collection.forEachItem(({ request }) => {
    // What a person fills in is a variable of the path, or of the collection where a verb follows it.
    const path = request.url.getPath({ unresolved: true });
    found.push(`${request.method} ${path.replaceAll(/:(\w+)(?=\/|$)/g, '{$1}')}`.replaceAll(/\{+(\w+)\}+/g, '{$1}'));
    if (request.body) expect(() => JSON.parse(String(request.body?.raw))).not.toThrow();
    expect(request.url.toString().startsWith('{{baseUrl}}/api/v2/')).toBe(true);
  });
  const wanted = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
  );
  // A custom verb of a collection looks like a variable at the end.
  const plain = (one: string) => one.replaceAll(/[{}:]/g, '');
  expect(found.map(plain).sort()).toEqual(wanted.map(plain).sort());
});
