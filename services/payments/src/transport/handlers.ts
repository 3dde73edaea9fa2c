import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import type { Money as MoneyMessage } from '@weft/gen/grpc/weft/common/v1/money';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import { authorize } from '../app/authorize.ts';
import { capturePayment } from '../app/capture.ts';
import { getPayment } from '../app/get-payment.ts';
import type { PaymentsApp } from '../app/ports.ts';
import { refundPayment } from '../app/refund.ts';
import { voidPayment } from '../app/void.ts';
import type { Money } from '../domain/payment.ts';
import { toPayment } from './messages.ts';

export function paymentsHandlers(app: PaymentsApp): ServiceBinding {
  return serveService(PaymentsServiceService, PaymentsService, {
    authorize: async ({ paymentId, orderId, customerId, amount, paymentMethodToken }) => {
      const ids = { paymentId: id(paymentId), orderId: id(orderId), customerId: id(customerId) };
      return { payment: toPayment(await authorize(app, { ...ids, amount: money(amount), token: paymentMethodToken })) };
    },
    capture: async ({ paymentId }) => ({ payment: toPayment(await capturePayment(app, id(paymentId))) }),
    void: async ({ paymentId }) => ({ payment: toPayment(await voidPayment(app, id(paymentId))) }),
    refund: async ({ paymentId, refundId, amount }) => {
      const wanted = { paymentId: id(paymentId), refundId: id(refundId), amount: money(amount) };
      return { payment: toPayment(await refundPayment(app, wanted)) };
    },
    getPayment: async ({ paymentId }, { user }) => ({
      payment: toPayment(await getPayment(app.store, id(paymentId), user)),
    }),
  });
}

// A UUID has two spellings; keys, events and comparisons see the one that the database gives back.
const id = (uuid: string) => uuid.toLowerCase();

// The contract requires it.
function money(message: MoneyMessage | undefined): Money {
  const { currencyCode, minorUnits } = message as MoneyMessage;
  return { currencyCode, minorUnits };
}
