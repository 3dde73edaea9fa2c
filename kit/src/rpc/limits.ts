/** No request and no response is larger. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
