/** What the demo puts on the shelves of an empty shop. */
export const GIFTS = [
  ['WEFT001', 'Red woolly hot water bottle', 395n],
  ['WEFT002', 'White hanging heart T-light holder', 255n],
  ['WEFT003', 'Set of 6 spice tins, pantry design', 445n],
  ['WEFT004', 'Alarm clock bakelike, green', 375n],
  ['WEFT005', 'Party bunting, 5 metres', 495n],
  ['WEFT006', 'Jam making set with jars', 425n],
] as const;

export const GIFT_STOCK = 100n;

const FIRST_NAMES = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Tony', 'Frances', 'Niklaus'];
const LAST_NAMES = ['Shaw', 'Patel', 'Okafor', 'Lindqvist', 'Moreau', 'Novak', 'Silva', 'Tanaka'];

/** A made-up name; `draw` gives a number from 0 up to, but not, 1. */
export function inventName(draw: () => number): string {
  const one = (names: readonly string[]) => names[Math.floor(draw() * names.length)] ?? '';
  return `${one(FIRST_NAMES)} ${one(LAST_NAMES)}`;
}
