/** What the provider knows each of our questions by: the same after a crash, so that it is answered once. */
export const providerKeys = {
  authorize: (paymentId: string) => `${paymentId}:authorize`,
  capture: (paymentId: string) => `${paymentId}:capture`,
  refund: (paymentId: string, refundId: string) => `${paymentId}:refund:${refundId}`,
  /** Lets go of a hold that is there. */
  release: (paymentId: string) => `${paymentId}:void`,
  /** Lets go of a hold that may not have been made yet; its answer says nothing of one that comes later. */
  releaseEarly: (paymentId: string) => `${paymentId}:void-early`,
  /** Lets go of a hold that nobody heard of, once it must have been made. */
  releaseLate: (paymentId: string) => `${paymentId}:void-late`,
};
