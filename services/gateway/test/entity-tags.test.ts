import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Edge, openEdge } from './fixture.ts';
import { ALICE, MALLORY, person, product } from './stubs.ts';

let edge: Edge;
let admin: string;
let expected: bigint[] = [];

beforeAll(async () => {
  edge = await openEdge({
    catalog: {
      getProduct: async ({ productId }) => ({ product: product({ productId, description: 'x'.repeat(2000) }) }),
      updateProduct: async ({ productId, expectedVersion }) => {
        expected.push(expectedVersion);
        return { product: product({ productId, version: 6n }) };
      },
    },
    users: {
      getUser: async ({ userId }) => ({ user: person({ userId, version: 5n }) }),
      updateUser: async ({ userId, expectedVersion }) => {
        expected.push(expectedVersion);
        return { user: person({ userId, version: 6n }) };
      },
    },
  });
  admin = await edge.token(MALLORY, 'admin');
});
afterAll(() => edge?.stop());
beforeEach(() => {
  expected = [];
});

const LANTERN = '/api/v2/products/lantern';
const PERSON = `/api/v2/users/${ALICE}`;

const tagOf = async (path: string) => (await edge.send(path, { as: admin })).headers.get('etag') ?? '';
const change = async (path: string, tags: string) => {
  const body = JSON.stringify(path.includes('products') ? { title: 'Lamp' } : { fullName: 'A. Example' });
  return (await edge.send(path, { method: 'PATCH', as: admin, body, headers: { 'if-match': tags } })).status;
};

it('changes what any tag of a list names', async () => {
  const tag = await tagOf(LANTERN);
  const older = tag.replace('"v5', '"v4');
  const lists = [`"v9.x", ${tag}`, `${tag},"v9.x"`, `"a, b" ,${tag}`, `W/"v9.x", ${tag}`, `${older}, ${tag}, ${older}`];
  for (const tags of lists) expect([tags, await change(LANTERN, tags)]).toEqual([tags, 200]);
  expect(expected).toEqual(lists.map(() => 5n));
});

it('changes nothing where no tag of a list is a strong one of what is changed', async () => {
  const tag = await tagOf(LANTERN);
  for (const tags of ['"v9.x", "v8.y"', `W/${tag}`, tag.replaceAll('"', ''), `"${tag.replaceAll('"', '')}`, ''])
    expect([tags, await change(LANTERN, tags)]).toEqual([tags, 412]);
  expect(expected).toEqual([]);
});

it('takes no tag of anything else with the same version', async () => {
  const [lantern, lamp, alice] = [await tagOf(LANTERN), await tagOf('/api/v2/products/lamp'), await tagOf(PERSON)];
  for (const [path, tag] of [
    [LANTERN, lamp],
    [LANTERN, alice],
    [PERSON, lantern],
    [PERSON.replace(ALICE, MALLORY), alice],
  ] as const)
    expect(await change(path, tag)).toBe(412);
  expect(expected).toEqual([]);
  expect(await change(PERSON, alice)).toBe(200);
  expect(await change('/api/v1/products/lantern', lantern)).toBe(200);
});

it('takes the tag of somebody whose id is written in capitals', async () => {
  const id = '0198f0a0-abcd-7000-8000-00000000000a';
  const tag = await tagOf(PERSON.replace(ALICE, id));
  expect(await change(PERSON.replace(ALICE, id.toUpperCase()), tag)).toBe(200);
  expect(expected).toEqual([5n]);
});

it('takes the tag that a change has answered', async () => {
  const { headers } = await edge.send(PERSON, { method: 'PATCH', as: admin, body: '{"fullName":"A. Example"}' });
  expect(await change(PERSON, headers.get('etag') ?? '')).toBe(200);
  expect(expected).toEqual([0n, 6n]);
});

it('has a tag for the compressed answer and another for the plain one, and takes either with a change', async () => {
  const get = (encoding: string, tags?: string) =>
    edge.send(LANTERN, {
      headers: { 'accept-encoding': encoding, ...(tags !== undefined && { 'if-none-match': tags }) },
    });
  const answers = { gzip: await get('gzip'), identity: await get('identity') };
  const told = (name: string) => Object.values(answers).map(({ headers }) => headers.get(name));
  const [gzipped = '', plain = ''] = told('etag') as string[];
  expect(told('content-encoding')).toEqual(['gzip', null]);
  expect([answers.gzip.text, gzipped]).toEqual([answers.identity.text, plain.replace(/"$/, '-gzip"')]);
  for (const [encoding, tag, other] of [
    ['gzip', gzipped, plain],
    ['identity', plain, gzipped],
  ] as const) {
    for (const tags of [tag, `W/${tag}`, `${other}, ${tag}`]) {
      const { status, headers } = await get(encoding, tags);
      expect([status, headers.get('etag'), headers.get('vary')]).toEqual([304, tag, 'accept-encoding']);
    }
    // A cache would take the bytes that it has for those that the tag is of.
    expect((await get(encoding, other)).status).toBe(200);
    expect(await change(LANTERN, tag)).toBe(200);
  }
  expect(expected).toEqual([5n, 5n]);
});
