import type { Json, Schema } from './schema.ts';
import type { Version } from './versions.ts';

const text = (description: string): Schema => ({ description, schema: { type: 'string' } });
const reference = (name: string): Json => ({ $ref: `#/components/headers/${name}` });

const NEXT = '`rel="next"`: the next page, absent on the last one; `rel="first"`: the first, absent on it.';

/** The headers of answers, by the names by which others refer to them. */
export function headersOf({ deprecated }: Version): Schema {
  return {
    CorrelationId: text('By which the request is found in logs and traces.'),
    ETag: text('Of this version: send it as `If-None-Match`, or as `If-Match` with a change.'),
    Link: text(
      deprecated ? `\`rel="successor-version"\`: what takes the place of this version. Of pages: ${NEXT}` : NEXT,
    ),
    Location: text('Where it is.'),
    RateLimit: text('What is left (`r`) until the next window, in `t` seconds.'),
    RateLimitPolicy: text('How many requests (`q`) a window of `w` seconds has.'),
    Age: {
      description: 'For how many seconds the edge has kept it. Absent on what its service has just answered.',
      schema: { type: 'integer', minimum: 0 },
    },
    Warning: text('`110`: its service does not answer, and this is what it said before (RFC 7234, 5.5).'),
    ...(deprecated && {
      Deprecation: {
        ...text('Since when this version is deprecated (RFC 9745).'),
        example: `@${deprecated.since.getTime() / 1000}`,
      },
      Sunset: {
        ...text('Until when this version is there (RFC 8594).'),
        example: deprecated.sunset.toUTCString(),
      },
    }),
  };
}

/** Of every answer of a version. */
export function versionHeaders({ deprecated }: Version): Schema {
  if (!deprecated) return {};
  return { Deprecation: reference('Deprecation'), Sunset: reference('Sunset'), Link: reference('Link') };
}

/** Of every answer that is no refusal. */
export const COMMON = {
  'X-Correlation-Id': reference('CorrelationId'),
  RateLimit: reference('RateLimit'),
  'RateLimit-Policy': reference('RateLimitPolicy'),
};
export const PAGES = { Link: reference('Link') };
export const ETAG = { ETag: reference('ETag') };
export const LOCATION = { Location: reference('Location') };
/** Of what the edge may have kept. */
export const KEPT = { Age: reference('Age'), Warning: reference('Warning') };
