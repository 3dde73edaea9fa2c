/** The pages of a list, each asked for when the one before has been taken. */
export async function* everyPage<P extends { readonly nextPageToken: string }>(
  ask: (pageToken: string) => Promise<P>,
): AsyncGenerator<P> {
  let pageToken = '';
  do {
    const page = await ask(pageToken);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
