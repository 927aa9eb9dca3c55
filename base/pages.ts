/** Walks a paged listing to its end; no list call of kinlog is made without it. */
import { KinlogError } from './errors.ts';

export interface Page<Item, Token> {
  readonly items: readonly Item[];
  readonly next: Token | undefined;
}

/** Items of all pages, in order. A listing that hands out one token twice in a row would never end, so it ends in an error. */
export async function* pages<Item, Token>(
  fetch: (token: Token | undefined) => Promise<Page<Item, Token>>,
): AsyncGenerator<Item> {
  let token: Token | undefined;
  do {
    const page: Page<Item, Token> = await fetch(token);
    yield* page.items;
    if (page.next !== undefined && page.next === token)
      throw new KinlogError('KINLOG_UNEXPECTED', 'a paged listing repeats its continuation token');
    token = page.next;
  } while (token !== undefined);
}
