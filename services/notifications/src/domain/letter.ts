export type Kind =
  | 'welcome'
  | 'order-placed'
  | 'order-confirmed'
  | 'order-rejected'
  | 'order-cancelled'
  | 'order-completed'
  | 'shipment-dispatched'
  | 'payment-refunded';

/** An exact amount in the currency's smallest unit. */
export interface Money {
  readonly currencyCode: string;
  readonly minorUnits: bigint;
}

/** What happened, as far as a customer cares. */
export type News =
  | { readonly kind: 'welcome' }
  | { readonly kind: 'order-placed'; readonly orderId: string; readonly total: Money }
  | { readonly kind: 'order-confirmed' | 'order-cancelled' | 'order-completed'; readonly orderId: string }
  | { readonly kind: 'order-rejected'; readonly orderId: string; readonly reason: string }
  | { readonly kind: 'shipment-dispatched'; readonly orderId: string; readonly trackingCode: string }
  | { readonly kind: 'payment-refunded'; readonly orderId: string; readonly amount: Money };

/** What a customer is told. It holds no personal data. */
export interface Letter {
  readonly kind: Kind;
  readonly orderId: string | undefined;
  /** One line. */
  readonly subject: string;
  /** Without the salutation. */
  readonly text: string;
}

export function compose(news: News): Letter {
  const orderId = 'orderId' in news ? news.orderId : undefined;
  return { kind: news.kind, orderId, ...write(news) };
}

function write(news: News): { subject: string; text: string } {
  switch (news.kind) {
    case 'welcome':
      return { subject: 'Welcome', text: 'Your account is open. We look forward to your first order.' };
    case 'order-placed':
      return {
        subject: `We have your order ${short(news.orderId)}`,
        text: `Thank you for your order ${news.orderId} of ${format(news.total)}. We tell you when it is confirmed.`,
      };
    case 'order-confirmed':
      return {
        subject: `Your order ${short(news.orderId)} is confirmed`,
        text: `Your order ${news.orderId} is paid and about to leave.`,
      };
    case 'order-rejected':
      return {
        subject: `We cannot fulfil your order ${short(news.orderId)}`,
        text: `We cannot fulfil your order ${news.orderId}: ${explain(news.reason)}. You have not been charged.`,
      };
    case 'order-cancelled':
      return {
        subject: `Your order ${short(news.orderId)} is cancelled`,
        text: `Your order ${news.orderId} is cancelled. What you paid for it has been given back.`,
      };
    case 'order-completed':
      return {
        subject: `Your order ${short(news.orderId)} is complete`,
        text: `Your order ${news.orderId} has left. If something is not as it should be, you can return it.`,
      };
    case 'shipment-dispatched':
      return {
        subject: `The shipment of your order ${short(news.orderId)} has left`,
        text: `The shipment of your order ${news.orderId} has left. The carrier knows it as ${news.trackingCode}.`,
      };
    case 'payment-refunded':
      return {
        subject: `We have given back ${format(news.amount)}`,
        text: `We have given back ${format(news.amount)} of what you paid for your order ${news.orderId}.`,
      };
  }
}

/** The end of a UUID is enough to tell a customer's orders apart. */
const short = (orderId: string): string => orderId.slice(-12);

const REASONS: ReadonlyMap<string, string> = new Map([
  ['OUT_OF_STOCK', 'not enough of it is in stock'],
  ['CARD_DECLINED', 'the payment was declined'],
  ['INSUFFICIENT_FUNDS', 'the payment was declined'],
  ['ADDRESS_NOT_SERVED', 'the carrier does not serve its address'],
]);

const explain = (reason: string): string => REASONS.get(reason) ?? 'something went wrong on our side';

const MOST_FORMATTERS = 200;
const formatters = new Map<string, Intl.NumberFormat>();

/** Making one takes a hundred times as long as using it. */
function formatterOf(currency: string): Intl.NumberFormat {
  const known = formatters.get(currency);
  if (known) return known;
  const formatter = new Intl.NumberFormat('en-GB', { style: 'currency', currency });
  if (formatters.size < MOST_FORMATTERS) formatters.set(currency, formatter);
  return formatter;
}

function format({ currencyCode, minorUnits }: Money): string {
  const formatter = formatterOf(currencyCode);
  const digits = formatter.resolvedOptions().maximumFractionDigits ?? 2;
  const text = String(minorUnits).padStart(digits + 1, '0');
  const decimal = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return formatter.format(decimal as Intl.StringNumericLiteral);
}
