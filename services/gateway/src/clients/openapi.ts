/** The OpenAPI documents that are generated from the contracts, one a version, by the path where they are served. Read when first asked for. */
export const openapiTexts: Readonly<Record<string, () => Promise<string>>> = {
  '/openapi.json': async () => {
    const { default: document } = await import('@weft/gen/openapi/openapi.json', { with: { type: 'json' } });
    return JSON.stringify(document);
  },
  '/openapi.v1.json': async () => {
    const { default: document } = await import('@weft/gen/openapi/openapi.v1.json', { with: { type: 'json' } });
    return JSON.stringify(document);
  },
};
