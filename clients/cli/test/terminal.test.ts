import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { RemoteError } from '@weft/kit/rpc';
import { describeError } from '../src/terminal/errors.ts';
import { toJson } from '../src/terminal/output.ts';
import { table } from '../src/terminal/table.ts';

describe('what is printed', () => {
  it('has columns that are aligned, whatever is coloured in them', () => {
    expect(
      table(
        [
          ['orders', '7', '\u001b[32mCOMPLETED\u001b[39m'],
          ['returns', '1,234', ''],
        ],
        [1],
      ),
    ).toBe('  orders       7  \u001b[32mCOMPLETED\u001b[39m\n  returns  1,234');
  });

  it('is JSON with numbers where they are exact, and text where they are not', () => {
    expect(toJson({ pence: 5n, big: 2n ** 60n, map: new Map([['a', 1n]]) })).toBe(
      '{\n  "pence": 5,\n  "big": "1152921504606846976",\n  "map": {\n    "a": 1\n  }\n}',
    );
  });

  it.each([
    [
      new RemoteError(status.NOT_FOUND, 'PRODUCT_NOT_FOUND', 'no product', { product_id: 'x-1' }),
      'no product (PRODUCT_NOT_FOUND, product_id=x-1)',
    ],
    [
      new RemoteError(status.INVALID_ARGUMENT, 'INVALID_ARGUMENT', 'x', {}, [
        { field: 'lines[0].quantity', rule: 'INT64_GTE', description: 'must be 1 or more' },
      ]),
      'lines[0].quantity must be 1 or more (INVALID_ARGUMENT)',
    ],
    [
      new RemoteError(
        status.UNAVAILABLE,
        'UNAVAILABLE',
        'No connection. Last error: Error: connect ECONNREFUSED 127.0.0.1:50051',
      ),
      'nothing answers at 127.0.0.1:50051: start a system with npm start, or use --embedded',
    ],
    [new Error('first\n  second'), 'first second'],
  ])('says of an error in one line what is wrong', (error, line) => {
    expect(describeError(error)).toBe(line);
  });
});
