/** No request and no response is larger. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** How often a call is made at most, where its contract allows to repeat it: by the client, or by the mesh. */
export const MAX_ATTEMPTS = 3;
