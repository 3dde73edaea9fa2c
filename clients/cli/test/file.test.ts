import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RawLine, readShopFile } from '../src/shop/file.ts';

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';

async function readAll(path: string): Promise<RawLine[]> {
  const lines: RawLine[] = [];
  for await (const line of readShopFile(path)) lines.push(line);
  return lines;
}

describe("the shop's file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-file-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(text: string): Promise<RawLine[]> {
    const path = join(folder, 'shop.csv');
    await writeFile(path, text);
    return readAll(path);
  }

  it('gives each record its place and its fields, without the spaces around them', async () => {
    const lines = await read(
      `${HEADER}\r\n1,22558,"TRAY, ""RETRO"" ",24,2/12/2010,1.25,15061,UK\r\n\r\n2,22559,,1,2/12/2010,1,,UK\r\n`,
    );
    expect(lines.map(({ line }) => line)).toEqual([2, 4]);
    expect(lines[0]?.fields).toMatchObject({
      invoice: '1',
      description: 'TRAY, "RETRO"',
      quantity: '24',
      price: '1.25',
    });
    expect(lines[1]?.fields).toMatchObject({ description: '', customer: '' });
  });

  it('may have a byte order mark, other columns and another order of them', async () => {
    const [line] = await read(
      '\ufeffCountry,Extra,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo\nUK,x,1,2,d,3,e,f,g\n',
    );
    expect(line?.fields).toEqual({
      invoice: 'g',
      code: 'f',
      description: 'e',
      quantity: '3',
      date: 'd',
      price: '2',
      customer: '1',
      country: 'UK',
    });
  });

  it('keeps a record with too few or too many fields, and marks it', async () => {
    const lines = await read(`${HEADER}\n1,2,3\n1,2,3,4,5,6,7,8,9\n1,2,3,4,5,6,7,8\n`);
    expect(lines.map(({ complete }) => complete)).toEqual([false, false, true]);
  });

  it('keeps a record with a quote in the middle of a field', async () => {
    const [line] = await read(`${HEADER}\n1,22041,RECORD FRAME 7" SINGLE SIZE,48,1/12/2010,2.1,16210,UK\n`);
    expect(line?.fields.description).toBe('RECORD FRAME 7" SINGLE SIZE');
  });

  it.each([
    ['an empty file', '', 'is empty'],
    ['a missing column', 'InvoiceNo,StockCode\n', 'has no column Description, Quantity'],
    ['a quote that is never closed', `${HEADER}\n1,2,"3,4,5,6,7,8\n`, 'is not closed'],
    ['a quote that is closed too late', `${HEADER}\n1,2,"${'x'.repeat(70_000)}",4,5,6,7,8\n`, 'is not closed'],
  ])('says in one line that it has %s', async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it('says in one line that it is not there', async () => {
    await expect(readAll(join(folder, 'none.csv'))).rejects.toThrow('is not there');
  });

  it('is given back when the reader stops early', async () => {
    const path = join(folder, 'long.csv');
    await writeFile(path, `${HEADER}\n${'1,2,3,4,5,6,7,8\n'.repeat(50_000)}`);
    let count = 0;
    for await (const _ of readShopFile(path)) {
      count += 1;
      if (count === 3) break;
    }
    expect(count).toBe(3);
  });
});
