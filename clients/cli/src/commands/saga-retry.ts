import { SagaState } from '@weft/gen/grpc/weft/checkout/v1/checkout';
import { enumNames } from '../terminal/enum-names.ts';
import { print, toJson } from '../terminal/output.ts';
import { type CommonOptions, runCommand, signInAsAdmin } from './command.ts';

const stateName = enumNames(SagaState, 'SAGA_STATE_');

/** Has a saga that waits, after failures, try again now. */
export async function retrySaga(sagaId: string, options: CommonOptions): Promise<void> {
  await runCommand(options, async (context) => {
    const session = await signInAsAdmin(context);
    const { saga } = await session.call((token) => context.clients.checkout.retrySaga({ sagaId }, { token }));
    if (options.json) await print(toJson({ sagaId, state: saga && stateName(saga.state) }));
    else await print(`${sagaId} is tried again: ${saga ? stateName(saga.state) : ''}`);
    return true;
  });
}
