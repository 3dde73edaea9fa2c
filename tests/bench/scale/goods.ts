// What is for sale in the benchmark. Each product is made from its number, in SQL where they are many.

export const COLOURS = ['red', 'green', 'blue', 'white', 'black', 'ivory', 'pink', 'amber', 'teal', 'grey'];
export const THINGS = 40;
const SERIES_SIZE = 20;
const RANGE_SIZE = COLOURS.length * SERIES_SIZE;

const digits = (count: number, value: string) => `lpad((${value})::text, ${count}, '0')`;

/** SQL expressions of the product with a number. */
export const productId = (n: string) => `'P' || ${digits(6, n)}`;
export const title = (n: string) =>
  `initcap((ARRAY[${COLOURS.map((one) => `'${one}'`)}])[1 + (${n}) % ${COLOURS.length}]) || ' thing' || ${digits(2, `(${n}) / ${COLOURS.length} % ${THINGS}`)}
    || ' of series' || ${digits(5, `(${n}) / ${SERIES_SIZE}`)} || ' range' || ${digits(5, `(${n}) / ${RANGE_SIZE}`)}`;
/** A dozen of two thousand words, and in half of all products one that they share. */
export const description = (n: string) =>
  `(SELECT string_agg('word' || ${digits(4, `((${n})::bigint * 7919 + k * k * 40503 + (${n}) / 2000 * k) % 2000`)}, ' ') FROM generate_series(1, 12) AS k)
    || CASE WHEN (${n}) % 2 = 0 THEN ' for a gift' ELSE '' END`;

const pick = (below: number) => Math.floor(Math.random() * below);
const padded = (length: number, value: number) => String(value).padStart(length, '0');

/** What people look for, by how much there is of it. */
export const searches: Readonly<Record<string, (products: number) => string>> = {
  /** 20 products, however many there are. */
  few: (products) => `series${padded(5, pick(products / SERIES_SIZE))}`,
  /** 20 products that have both a word of a tenth of all and one of 200. */
  both: (products) => `${COLOURS[pick(COLOURS.length)]} range${padded(5, pick(products / RANGE_SIZE))}`,
  /** One in 40. */
  some: () => `thing${padded(2, pick(THINGS))}`,
  /** A tenth. */
  many: () => COLOURS[pick(COLOURS.length)] ?? '',
  /** Half. */
  most: () => 'gift',
};
