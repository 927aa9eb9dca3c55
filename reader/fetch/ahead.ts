/** One page ahead of the reader, however pages arrive: while it writes one, the next is on its way. */
import type { RecordPage } from './source.ts';

export interface PageReader {
  /** The next page; undefined after the end. One call at a time. */
  next(): Promise<RecordPage | undefined>;
}

/** `begin` is given a signal that aborts when the reader is left; what is under way then is waited for and given back. */
export async function* oneAhead(begin: (left: AbortSignal) => PageReader): AsyncGenerator<RecordPage, void, undefined> {
  const left = new AbortController();
  const pages = begin(left.signal);
  let ahead = startAhead(pages);
  try {
    for (;;) {
      const page = await ahead;
      // Before the page is handed over: while the reader writes it, the next one is fetched.
      ahead = startAhead(pages);
      if (page === undefined) return;
      yield page;
    }
  } finally {
    left.abort();
    const unread = await ahead.catch(() => undefined);
    unread?.release();
  }
}

/** A failure waits here until the reader asks for the page. */
function startAhead(pages: PageReader): Promise<RecordPage | undefined> {
  const page = pages.next();
  page.catch(() => undefined);
  return page;
}
