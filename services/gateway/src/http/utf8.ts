const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Text of bytes that are UTF-8, and no others: what is put in their place would be kept as if it had been sent. */
export const fromUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);
