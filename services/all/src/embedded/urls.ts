/** Without a login: by way of the server's socket where there is one, else its port. */
export function serverUrl(port: number, sockets: string | undefined): string {
  return `postgresql://127.0.0.1:${port}/${sockets === undefined ? '' : `?host=${encodeURIComponent(sockets)}`}`;
}

/** A server's URL as one of a database, with the login of a role. */
export function withLogin(server: string, database: string, role: string, password: string): string {
  const url = new URL(server);
  url.username = encodeURIComponent(role);
  url.password = encodeURIComponent(password);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}
