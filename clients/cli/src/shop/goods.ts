const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Whether a stock code stands for goods. Goods have three digits in a row somewhere in their code (85123A, 15056BL,
 * gift_0001_20, SP1002, DCGS0003) or begin with DCGS (DCGSSBOY). Everything else is a fee, a discount or a correction:
 * POST, D, M, C2, DOT, S, B, CRUK, PADS, AMAZONFEE, BANK CHARGES.
 */
export function isGoodsCode(code: string): boolean {
  return /\d{3}/.test(code) || code.startsWith('DCGS');
}

/** Id of the product that a stock code is sold as at a price: one product for each price. */
export function productIdOf(code: string, pence: bigint): string {
  return `${code}-${pence}`;
}

/** Whether a catalogue takes the code, and every product that is made of it. */
export function isStockCode(code: string, pence: bigint): boolean {
  return IDENTIFIER.test(code) && IDENTIFIER.test(productIdOf(code, pence));
}
