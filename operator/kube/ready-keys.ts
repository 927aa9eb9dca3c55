/** Keys by priority, and among equals by age. */

interface Entry {
  readonly priority: number;
  readonly sinceMs: number;
}

export class ReadyKeys {
  readonly #entries = new Map<string, Entry>();
  /** Few: a bucket for each priority that is in use, in the order in which keys came. */
  readonly #buckets = new Map<number, Set<string>>();

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** One that is there only gains priority. */
  add(key: string, priority: number, nowMs: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined && before.priority >= priority) return;
    if (before !== undefined) this.#leave(key, before.priority);
    this.#entries.set(key, { priority, sinceMs: before?.sinceMs ?? nowMs });
    this.#buckets.set(priority, (this.#buckets.get(priority) ?? new Set<string>()).add(key));
  }

  /** The first and since when it is here; it is not here any more. */
  shift(): { readonly key: string; readonly sinceMs: number } | undefined {
    if (this.#entries.size === 0) return undefined;
    const highest = Math.max(...this.#buckets.keys());
    const [key] = this.#buckets.get(highest)!;
    const { sinceMs } = this.#entries.get(key!)!;
    this.#entries.delete(key!);
    this.#leave(key!, highest);
    return { key: key!, sinceMs };
  }

  #leave(key: string, priority: number): void {
    const bucket = this.#buckets.get(priority);
    bucket?.delete(key);
    if (bucket?.size === 0) this.#buckets.delete(priority);
  }
}
