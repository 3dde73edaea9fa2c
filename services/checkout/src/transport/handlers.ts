import { CheckoutService } from '@weft/gen/es/weft/checkout/v1/checkout_pb';
import { CheckoutServiceService } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { decodePageToken, pageOf, pageSize, UUID } from '@weft/kit/paging';
import { type ServiceBinding, serveService } from '@weft/kit/rpc';
import type { CheckoutStore } from '../app/ports.ts';
import { SagaEnded, SagaNotFound } from '../domain/failures.ts';
import { hasEnded, retryNow } from '../domain/saga.ts';
import { fromState, type ServiceOf, toSaga } from './messages.ts';

export interface CheckoutApp {
  readonly store: CheckoutStore;
  readonly serviceOf: ServiceOf;
  /** Has due sagas looked for now. */
  readonly wake: () => void;
  readonly now: () => Date;
}

export function checkoutHandlers({ store, serviceOf, wake, now }: CheckoutApp): ServiceBinding {
  return serveService(CheckoutServiceService, CheckoutService, {
    getSaga: async ({ sagaId }) => {
      const saga = await store.find(sagaId);
      if (!saga) throw new SagaNotFound(sagaId);
      return { saga: toSaga(saga, serviceOf) };
    },
    listSagas: async ({ orderId, state, pageSize: size, pageToken }) => {
      const limit = pageSize(size, 50);
      const [before] = pageToken === '' ? [] : decodePageToken(pageToken, [UUID]);
      const filter = {
        orderId: orderId === '' ? undefined : orderId,
        state: fromState(state),
        before,
        limit: limit + 1,
      };
      const page = pageOf(await store.list(filter), { size: limit, position: (saga) => [saga.sagaId] });
      return { sagas: page.items.map((saga) => toSaga(saga)), nextPageToken: page.nextPageToken };
    },
    retrySaga: async ({ sagaId }) => {
      const saga = await store.transaction(async (tx) => {
        const standing = await tx.saga(sagaId);
        if (!standing) throw new SagaNotFound(sagaId);
        if (hasEnded(standing)) throw new SagaEnded(sagaId, standing.state);
        const retried = retryNow(standing, now());
        tx.save(standing, retried);
        return { ...retried, version: standing.version + 1n };
      });
      wake();
      return { saga: toSaga(saga, serviceOf) };
    },
  });
}
