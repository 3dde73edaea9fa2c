/** The OpenAPI document that is generated from the contracts, as text. Read when it is first asked for. */
export async function openapiText(): Promise<string> {
  const { default: document } = await import('@weft/gen/openapi/openapi.json', { with: { type: 'json' } });
  return JSON.stringify(document);
}
