import { PaymentsService } from '@weft/gen/es/weft/payments/v1/payments_pb';
import { PaymentsServiceService } from '@weft/gen/grpc/weft/payments/v1/payments';
import type { ServiceRuntime } from '@weft/kit/module';
import type { Payments } from '../app/ports.ts';

export function paymentsClient(client: ServiceRuntime<never, never>['client']): Payments {
  const payments = client('payments', PaymentsServiceService, PaymentsService);
  return {
    async authorize({ paymentId, orderId, customerId, amount, token }) {
      await payments.authorize({ paymentId, orderId, customerId, amount: { ...amount }, paymentMethodToken: token });
    },
    async void(paymentId) {
      await payments.void({ paymentId });
    },
    async capture(paymentId) {
      await payments.capture({ paymentId });
    },
    async refund(paymentId, refundId, amount) {
      await payments.refund({ paymentId, refundId, amount: { ...amount } });
    },
  };
}
