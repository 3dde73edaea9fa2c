import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly to: readonly string[];
  /** As it came, headers and all. */
  readonly raw: string;
  readonly messageId: string;
}

/** undefined: it is known. Otherwise the code that it is refused with. */
type Answer = number | undefined;

/** A real SMTP server, which answers as a test says. */
export async function startMailServer() {
  const received: ReceivedMail[] = [];
  const control = {
    /** What becomes of a recipient. */
    recipient: (_address: string): Answer => undefined,
    /** Called once a mail has come in full, before its sender hears that it was taken. */
    taken: async (_mail: ReceivedMail): Promise<void> => {},
  };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo({ address }, _, callback) {
      const responseCode = control.recipient(address);
      if (responseCode === undefined) callback();
      else callback(Object.assign(new Error(`<${address}> is not known here`), { responseCode }));
    },
    onData(stream, session, callback) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const raw = Buffer.concat(parts).toString();
        const mail = {
          raw,
          to: session.envelope.rcptTo.map(({ address }) => address),
          messageId: /^message-id: *(\S+)/im.exec(raw)?.[1] ?? '',
        };
        received.push(mail);
        control.taken(mail).then(
          () => callback(),
          () => callback(Object.assign(new Error('try again'), { responseCode: 451 })),
        );
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    control,
    of: (address: string) => received.filter(({ to }) => to.includes(address)),
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

export type MailServer = Awaited<ReturnType<typeof startMailServer>>;
