/** Times of Leases and Events: the API server refuses any but six digits of a second. */

/** `ms`: since the epoch. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
