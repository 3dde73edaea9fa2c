import { setting } from '@weft/kit/config';

export const settings = {
  /** Who takes an order to its end that does not name it. */
  sagaStyle: setting.choice('SAGA_STYLE', ['orchestrated', 'choreographed'], { fallback: 'orchestrated' }),
};
