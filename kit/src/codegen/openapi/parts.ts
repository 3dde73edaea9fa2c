import type { Schema } from './schema.ts';

/** What a resource offers next (HAL). */
export const LINKS: Schema = {
  type: 'object',
  description:
    'What can be done next, by relation: which ones there are depends on the state and on who asks (HAL). Those of a page lead to itself, ' +
    'the next one and the first; those of what it holds are with each.',
  additionalProperties: {
    type: 'object',
    properties: {
      href: { type: 'string', format: 'uri-reference' },
      method: { type: 'string', description: 'The HTTP method, where it is not GET.' },
    },
    required: ['href'],
  },
};

/** What a view says of the parts that did not answer. */
export const DEGRADED: Schema = {
  type: 'array',
  description: 'The parts of the view that did not answer, which are not there or null. Absent where all did.',
  items: {
    type: 'object',
    properties: {
      part: { type: 'string', description: 'Name of the part, with an id where it is one of many: `products/85123A`.' },
      status: { type: 'integer', format: 'int32', description: 'The status that it would have had by itself.' },
      reason: { type: 'string', description: 'What is wrong, for programs.' },
    },
    required: ['part', 'status', 'reason'],
  },
};
