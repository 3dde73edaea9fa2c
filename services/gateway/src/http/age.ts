/** Source: RFC 9111, 5.1, and RFC 7234, 5.5, which is obsolete and still understood. */
export function ageHeaders(age: number, stale: boolean): Record<string, string> {
  return { age: String(age), ...(stale && { warning: '110 - "Response is Stale"' }) };
}
