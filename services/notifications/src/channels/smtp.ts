import { within } from '@weft/kit/time';
import { createTransport } from 'nodemailer';
import { type Mail, Refused } from '../app/ports.ts';

export interface SmtpOptions {
  /** smtp: or smtps:, with user and password where the server wants them. */
  readonly url: string;
  /** Shop <shop@shop.example> */
  readonly from: string;
  /** A mail is given up when it takes longer, in milliseconds: below the minute for which nobody else takes it. */
  readonly timeout: number;
}

const CONNECTIONS = 5;

/** E-mail through an SMTP server (RFC 5321). The Message-ID follows from the id alone, so that mail sent twice is recognised. */
export function smtp({ url, from, timeout }: SmtpOptions): Mail & { close(): void } {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as object);
  const domain = /@([^>]+)>$/.exec(from)?.[1] ?? 'weft.example';
  return {
    async send({ id, email, fullName, subject, text }) {
      try {
        const sent = transport.sendMail({
          from,
          to: { name: fullName, address: email },
          messageId: `<${id}@${domain}>`,
          subject,
          text: `Dear ${fullName},\n\n${text}\n`,
        });
        await within(timeout, sent, () => {
          throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });
        });
      } catch (error) {
        throw discreet(error);
      }
    },
    close: () => transport.close(),
  };
}

/** Without what the server said: it may name the address. */
function discreet(error: unknown): Error {
  const { code = 'UNKNOWN', responseCode = 0, ...more } = error as { code?: string; responseCode?: number };
  const text = `the mail server did not take it: ${code} ${responseCode}`;
  // What else it refuses is not this mail's fault: our password, our address, all that comes at the moment.
  const mailRefused = (code === 'EENVELOPE' && 'rejected' in more) || code === 'EMESSAGE';
  return mailRefused && responseCode >= 500 && responseCode < 600 ? new Refused(text) : new Error(text);
}
