import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { InventoryService } from '@weft/gen/es/weft/inventory/v1/inventory_pb';
import { InventoryServiceService } from '@weft/gen/grpc/weft/inventory/v1/inventory';
import { meshCallers } from '@weft/kit/rpc';
import { rawClient } from './raw-call.ts';
import { stage } from './stage.ts';

const { serveOne, after } = stage();

const trust = { trustDomain: 'cluster.local', namespace: 'weft' };
const spiffe = (account: string, namespace = 'weft', domain = 'cluster.local') =>
  `spiffe://${domain}/ns/${namespace}/sa/${account}`;
/** What a sidecar appends. */
const element = (uri: string) => `By=${spiffe('inventory')};Hash=${'ab'.repeat(32)};Subject="";URI=${uri}`;
const genuine = element(spiffe('orders'));
const forged = element(spiffe('checkout'));

function caller(...values: string[]): string | undefined {
  const headers = new Metadata();
  for (const value of values) headers.add('x-forwarded-client-cert', value);
  headers.set('weft-caller', 'checkout');
  return meshCallers(trust)(headers, { getPeer: () => '127.0.0.6:1' });
}

describe('who calls, in the mesh,', () => {
  it.each<[string, readonly string[], string | undefined]>([
    ['is the service account that the sidecar verified', [genuine], 'orders'],
    ['is its last element, whatever was sent before it', [`${forged},${genuine}`], 'orders'],
    ['is its last element after a space', [`${forged}, ${genuine}`], 'orders'],
    ['is its last value', [forged, genuine], 'orders'],
    ['may have a comma in quotes', [`By=x;Subject="O=Shop, Inc.";URI=${spiffe('orders')}`], 'orders'],
    ['may have an escaped quote', [`By=x;Subject="CN=\\",";URI=${spiffe('orders')}`], 'orders'],
    ['may stand in quotes', [`By=x;URI="${spiffe('orders')}"`], 'orders'],
    ['is nobody without the header', [], undefined],
    ['is nobody with an empty one', [''], undefined],
    ['is nobody where the sidecar named nobody', [`${forged},By=${spiffe('inventory')};Hash=ab`], undefined],
    ['is nobody where the last element is empty', [`${forged},`], undefined],
    ['is nobody with two names', [`By=x;URI=${spiffe('orders')};URI=${spiffe('checkout')}`], undefined],
    ['is nobody where a quote swallows the last element', [`By=x;Subject=",${genuine}`], undefined],
    ['is nobody where an escape swallows the comma', [`By=x;Subject="\\,${genuine}`], undefined],
    ['is not what stands in a quoted subject', [`By=x;Subject="a;URI=${spiffe('checkout')}"`], undefined],
    ['is not what stands in quotes after a comma', [`By=x;Subject="a,URI=${spiffe('checkout')}"`], undefined],
    ['is nobody of another trust domain', [element(spiffe('checkout', 'weft', 'evil.example'))], undefined],
    ['is nobody of another namespace', [element(spiffe('checkout', 'default'))], undefined],
    ['is nobody with more in the path', [element(`${spiffe('checkout')}/x`)], undefined],
    ['is nobody with another scheme', [element('https://cluster.local/ns/weft/sa/checkout')], undefined],
    ['is nobody with a header that is too long', [`${'x'.repeat(20_000)},${genuine}`], undefined],
  ])('%s', (_, values, expected) => expect(caller(...values)).toBe(expected));

  it('is read anew for each header, however many there are', () => {
    const identify = meshCallers(trust);
    const of = (account: string) => {
      const headers = new Metadata();
      headers.set('x-forwarded-client-cert', element(spiffe(account)));
      return identify(headers, { getPeer: () => '' });
    };
    for (const round of [1, 2])
      for (let count = 0; count < 1500; count++) expect([round, of(`s${count}`)]).toEqual([round, `s${count}`]);
  });
});

describe('a server', () => {
  const reserve = '/weft.inventory.v1.InventoryService/Reserve';
  const serve = async (identify: ReturnType<typeof meshCallers> | undefined) => {
    const { target } = await serveOne(InventoryServiceService, InventoryService, {}, { ...(identify && { identify }) });
    const raw = rawClient(target);
    after(() => raw.close());
    return async (headers: Record<string, string>) => {
      const { error } = await raw.unary(reserve, Buffer.alloc(0), headers);
      return status[error?.code ?? status.OK];
    };
  };

  it('in the mesh believes the sidecar and never the caller', async () => {
    const code = await serve(meshCallers(trust));
    expect(await code({ 'x-forwarded-client-cert': forged })).toBe('INVALID_ARGUMENT');
    expect(await code({ 'x-forwarded-client-cert': `${forged},${genuine}` })).toBe('PERMISSION_DENIED');
    expect(await code({ 'weft-caller': 'checkout' })).toBe('PERMISSION_DENIED');
    expect(await code({ 'weft-caller': 'checkout', 'x-forwarded-client-cert': genuine })).toBe('PERMISSION_DENIED');
  });

  it('outside of the mesh never believes a certificate that a header tells of', async () => {
    const code = await serve(undefined);
    expect(await code({ 'x-forwarded-client-cert': forged })).toBe('PERMISSION_DENIED');
    expect(await code({ 'weft-caller': 'orders', 'x-forwarded-client-cert': forged })).toBe('PERMISSION_DENIED');
    expect(await code({ 'weft-caller': 'checkout' })).toBe('INVALID_ARGUMENT');
  });
});
