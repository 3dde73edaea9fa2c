import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import postman from 'postman-collection';
import { type Document, postmanCollection } from '../../scripts/postman.ts';

const read = (file: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../gen/openapi', file), 'utf8')) as Document;
const documents = [
  ['v2', read('openapi.json')],
  ['v1', read('openapi.v1.json')],
] as const;

it.each(documents)(
  'the Postman collection of %s has a request for every operation, as Postman reads it',
  (version, document) => {
    const collection = new postman.Collection(postmanCollection(document) as never);
    const found: string[] = [];
    collection.forEachItem(({ request }) => {
      // What a person fills in is a variable of the path, or of the collection where a verb follows it.
      const path = request.url.getPath({ unresolved: true });
      found.push(`${request.method} ${path.replaceAll(/:(\w+)(?=\/|$)/g, '{$1}')}`.replaceAll(/\{+(\w+)\}+/g, '{$1}'));
      if (request.body) expect(() => JSON.parse(String(request.body?.raw))).not.toThrow();
      expect(request.url.toString().startsWith(`{{baseUrl}}/api/${version}/`)).toBe(true);
    });
    const wanted = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    // A custom verb of a collection looks like a variable at the end.
    const plain = (one: string) => one.replaceAll(/[{}:]/g, '');
    expect(found.map(plain).sort()).toEqual(wanted.map(plain).sort());
  },
);

it('the collections of two versions are two to Postman', () => {
  const ids = documents.map(([, document]) => postmanCollection(document).info._postman_id);
  expect(new Set(ids).size).toBe(documents.length);
});
