import { failPoint } from '../fail-point/index.ts';

/** A step that failed and is to be tried again; `cause` says why. */
export class StepFailed extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'StepFailed';
    this.step = step;
  }
}

export interface Steps<Seen, Step extends string> {
  readonly service: string;
  /** What stands now. */
  see(): Promise<Seen>;
  /** What is to be done then; nothing more where undefined. */
  next(seen: Seen): Step | undefined;
  take(step: Step): Promise<unknown>;
  /** Decides that a step which failed is not tried any more, after which `next` names another; false where it is. */
  giveUp(step: Step, error: unknown): Promise<boolean>;
}

/** Does one step after the other until there is none, and gives what stands then. @throws StepFailed */
export async function takeSteps<Seen, Step extends string>(steps: Steps<Seen, Step>): Promise<Seen> {
  const { service, see, next, take, giveUp } = steps;
  for (;;) {
    const seen = await see();
    const step = next(seen);
    if (!step) return seen;
    try {
      failPoint(service, step, 'begun');
      await take(step).finally(() => failPoint(service, step, 'tried'));
    } catch (error) {
      // A refusal is an outcome, and somebody else may have been faster: then something else is to be done.
      if (next(await see()) !== step) continue;
      if (!(await giveUp(step, error))) throw new StepFailed(step, error);
    }
  }
}
