/** What a histogram of Prometheus says about one stretch of time. */

/** Upper bounds and how many lie below each, from a scrape. */
export type Buckets = ReadonlyMap<number, number>;

export function bucketsOf(scrape: readonly string[], name: string): Buckets {
  const found = new Map<number, number>();
  for (const line of scrape) {
    const bound = line.startsWith(`${name}_bucket`) ? /le="([^"]+)"/.exec(line)?.[1] : undefined;
    if (bound !== undefined)
      found.set(bound === '+Inf' ? Infinity : Number(bound), Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
  return found;
}

/** The least bound under which that share of what happened in between lies. */
export function boundOf(share: number, after: Buckets, before: Buckets = new Map()): number {
  const since = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const all = Math.max(...since.map(([, count]) => count));
  return since.find(([, count]) => count >= share * all)?.[0] ?? NaN;
}
