// Loaded before a service, makes it a release whose statements ask for a table that is not there.
import { Socket } from 'node:net';

const TABLE = Buffer.from('from "product"');
const { write } = Socket.prototype;

Socket.prototype.write = function writeBroken(chunk, ...rest) {
  if (chunk instanceof Uint8Array) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = bytes.indexOf(TABLE); at !== -1; at = bytes.indexOf(TABLE, at + 1)) bytes.write('x', at + 8);
  }
  return write.call(this, chunk, ...rest);
};
