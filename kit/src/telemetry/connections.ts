import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

export interface ConnectionCount {
  /** How many are open now. */
  open(): number;
  stop(): void;
}

/** Connections that a port or Unix socket of this process has accepted, whoever listens on it. */
export function countInbound(): ConnectionCount {
  let open = 0;
  const accepted = (message: unknown) => {
    open += 1;
    socketOf(message).once('close', () => {
      open -= 1;
    });
  };
  subscribe('net.server.socket', accepted);
  return { open: () => open, stop: () => void unsubscribe('net.server.socket', accepted) };
}

/** Connections that this process has opened over TCP or a Unix socket, those included that do not keep it alive. */
export function countOutbound(): ConnectionCount {
  const sockets = new Set<Socket>();
  // Not by their events: drivers remove all listeners of a socket before they close it or wrap it in TLS.
  const letGo = () => {
    for (const socket of sockets) if (socket.destroyed) sockets.delete(socket);
  };
  const connecting = (message: unknown) => {
    letGo();
    sockets.add(socketOf(message));
  };
  subscribe('net.client.socket', connecting);
  return {
    open() {
      letGo();
      return [...sockets].filter((socket) => !socket.connecting).length;
    },
    stop() {
      unsubscribe('net.client.socket', connecting);
      sockets.clear();
    },
  };
}

const socketOf = (message: unknown): Socket => (message as { readonly socket: Socket }).socket;
