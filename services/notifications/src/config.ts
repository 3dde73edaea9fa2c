import { type Setting, setting } from '@weft/kit/config';

/** Of a mail server; it may hold a password. */
function smtpUrl(name: string): Setting<string> {
  const parse = (text: string) => {
    const protocol = URL.canParse(text) ? new URL(text).protocol : '';
    if (protocol !== 'smtp:' && protocol !== 'smtps:') throw new Error('must be a URL of smtp: or smtps:');
    return text;
  };
  return { name, parse, fallback: '', secret: true };
}

function mailbox(name: string, fallback: string): Setting<string> {
  const parse = (text: string) => {
    if (!/^[^<>\r\n]{0,100}<[^\s<>@]{1,64}@[A-Za-z0-9.-]{1,189}>$/.test(text))
      throw new Error('must be a name and an address: Shop <shop@shop.example>');
    return text;
  };
  return { name, parse, fallback, secret: false };
}

export const settings = {
  /** Empty: e-mail is kept in the mailbox, and nobody is sent any. */
  smtpUrl: smtpUrl('SMTP_URL'),
  from: mailbox('MAIL_FROM', 'Weft <shop@weft.example>'),
  smtpTimeout: setting.integer('SMTP_TIMEOUT_MS', { low: 100, high: 30_000 }, { fallback: 20_000 }),
};
