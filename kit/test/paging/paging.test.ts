import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodePageToken, encodePageToken, InvalidPageToken, pageOf, pageSize } from '../../src/paging/index.ts';

const part = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed() && !text.includes('\0'));

describe('page tokens', () => {
  it('give back the parts that they were made of', () => {
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(decodePageToken(encodePageToken(parts), parts.length)).toEqual(parts);
      }),
    );
  });

  it('are safe in a URL as they are', () => {
    fc.assert(fc.property(fc.array(part), (parts) => expect(encodePageToken(parts)).toMatch(/^[\w-]*$/)));
  });

  it('that nobody made are invalid arguments, whatever they hold', () => {
    const token = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    fc.assert(
      fc.property(token, fc.nat(3), (text, arity) => {
        try {
          const parts = decodePageToken(text, arity);
          expect(encodePageToken(parts)).toBe(text);
          expect(parts).toHaveLength(arity);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPageToken);
        }
      }),
    );
  });

  it.each([
    ['an empty one', '', 1],
    ['one with another number of parts', encodePageToken(['a']), 2],
    ['one whose part has another shape', encodePageToken(['a1']), [/^\d+$/]],
    ['one with a NUL', encodePageToken(['a\0']), 1],
    ['a token with something added', `${encodePageToken(['a'])}=`, 1],
    ['one that holds a number', Buffer.from('[1]').toString('base64url'), 1],
  ])('refuse %s and name field and rule', (_, token, shape) => {
    const refused = () => decodePageToken(token, shape);
    expect(refused).toThrow(InvalidPageToken);
    expect(refused).toThrow(
      expect.objectContaining({ violations: [expect.objectContaining({ field: 'page_token', rule: 'page_token' })] }),
    );
  });
});

describe('pages', () => {
  const items = Array.from({ length: 25 }, (_, index) => index);
  const position = (item: number) => [String(item)];

  const walk = (size: number, bytes?: (item: number) => number): number[][] => {
    const pages: number[][] = [];
    for (let token: string | undefined; token !== ''; ) {
      const after: number = token === undefined ? -1 : Number(decodePageToken(token, 1)[0]);
      const found = items.filter((item) => item > after).slice(0, size + 1);
      const page = pageOf(found, bytes ? { size, position, bytes } : { size, position });
      pages.push([...page.items]);
      token = page.nextPageToken;
    }
    return pages;
  };

  it('hold every item once and in order, whatever their size', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 30 }), (size) => expect(walk(size).flat()).toEqual(items)));
  });

  it('end before they hold more than a message may, and have one item at least', () => {
    const pages = walk(25, (item) => (item === 7 ? 5 : 1) * 1024 * 1024);
    expect(pages.flat()).toEqual(items);
    expect(Math.max(...pages.map((page) => page.length))).toBe(3);
    expect(pages).toContainEqual([7]);
  });

  it('of nothing are the last', () => {
    expect(pageOf([], { size: 10, position })).toEqual({ items: [], nextPageToken: '' });
  });

  it('are as large as asked for, or as the service chooses', () => {
    expect([pageSize(0, 50), pageSize(7, 50)]).toEqual([50, 7]);
  });
});
