/** Keys to be worked on: each once, never twice at the same time, urgent ones first, failed ones later and later. */
import { abortReason, type Clock } from '../../base/clock.ts';
import { ReadyKeys } from './ready-keys.ts';
import { TokenBucket } from './token-bucket.ts';

/** Per key, as controller-runtime's default but for the ceiling, which is 1,000 s there. */
const BACKOFF = { firstMs: 5, ceilingMs: 300_000 };
/** Of retries of all keys together. */
const RETRIES = { perSecond: 10, burst: 100 };

/** For metrics; times in milliseconds. */
export interface QueueWatcher {
  added?(): void;
  /** How long the key had been ready. */
  taken?(waitedMs: number): void;
  done?(workedMs: number): void;
  retried?(): void;
}

export interface AddOptions {
  /** Higher is earlier; 0 when absent. */
  readonly priority?: number | undefined;
  /** Not before so long. */
  readonly afterMs?: number | undefined;
}

interface Delayed {
  readonly priority: number;
  readonly atMs: number;
  readonly cancel: AbortController;
}

interface Running {
  readonly sinceMs: number;
  /** Priority of what was added meanwhile: it comes again when this is done. */
  again: number | undefined;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #watcher: QueueWatcher;
  readonly #retries: TokenBucket;
  readonly #ready = new ReadyKeys();
  readonly #delayed = new Map<string, Delayed>();
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, number>();
  readonly #takers = new Set<() => void>();

  constructor(clock: Clock, watcher: QueueWatcher = {}) {
    this.#clock = clock;
    this.#watcher = watcher;
    this.#retries = new TokenBucket(clock, RETRIES);
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Sum over the keys that are worked on, milliseconds. */
  get unfinishedMs(): number {
    return this.#ages().reduce((sum, age) => sum + age, 0);
  }

  get longestRunningMs(): number {
    return Math.max(0, ...this.#ages());
  }

  /** Of a key that is there already, the earlier time and the higher priority count. */
  add(key: string, { priority = 0, afterMs = 0 }: AddOptions = {}): void {
    const urgent = Math.max(priority, this.#delayed.get(key)?.priority ?? priority);
    if (afterMs > 0) this.#addLater(key, urgent, afterMs);
    else this.#addNow(key, urgent);
  }

  /** The next key; whoever takes it owes `done`. Rejects with the reason of the signal. */
  async take(signal: AbortSignal): Promise<string> {
    while (!signal.aborted) {
      const first = this.#ready.shift();
      if (first !== undefined) return this.#begin(first);
      await this.#news(signal);
    }
    // Woken for a key and stopped in the same moment: somebody else may wait for it.
    if (this.#ready.size > 0) this.#wakeOne();
    throw abortReason(signal);
  }

  done(key: string): void {
    const running = this.#running.get(key);
    if (running === undefined) return;
    this.#running.delete(key);
    this.#watcher.done?.(this.#clock.monotonic() - running.sinceMs);
    if (running.again !== undefined) this.#makeReady(key, running.again);
  }

  /** After a failure: later with every one in a row, all keys together at most ten a second, and none before `leastMs`. */
  retry(key: string, leastMs = 0): void {
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    this.#watcher.retried?.();
    const ownMs = Math.min(BACKOFF.ceilingMs, BACKOFF.firstMs * 2 ** Math.min(failures, 30));
    this.add(key, { afterMs: Math.max(ownMs, leastMs, this.#retries.takeMs()) });
  }

  /** It succeeded, or nobody asks for it any more. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** In a row; 0 after `forget`. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** What is due later does not come any more. */
  close(): void {
    for (const { cancel } of this.#delayed.values()) cancel.abort();
    this.#delayed.clear();
  }

  #addNow(key: string, priority: number): void {
    this.#delayed.get(key)?.cancel.abort();
    this.#delayed.delete(key);
    const running = this.#running.get(key);
    if (!this.#ready.has(key) && running?.again === undefined) this.#watcher.added?.();
    if (running === undefined) this.#makeReady(key, priority);
    else running.again = Math.max(priority, running.again ?? priority);
  }

  #addLater(key: string, priority: number, afterMs: number): void {
    if (this.#ready.has(key) || this.#running.get(key)?.again !== undefined) return;
    const before = this.#delayed.get(key);
    const atMs = Math.min(this.#clock.monotonic() + afterMs, before?.atMs ?? Infinity);
    before?.cancel.abort();
    const cancel = new AbortController();
    this.#delayed.set(key, { priority, atMs, cancel });
    this.#clock.sleep(atMs - this.#clock.monotonic(), cancel.signal).then(
      () => this.#addNow(key, priority),
      () => undefined,
    );
  }

  #makeReady(key: string, priority: number): void {
    this.#ready.add(key, priority, this.#clock.monotonic());
    this.#wakeOne();
  }

  #wakeOne(): void {
    const [taker] = this.#takers;
    taker?.();
  }

  #begin({ key, sinceMs }: { readonly key: string; readonly sinceMs: number }): string {
    const now = this.#clock.monotonic();
    this.#running.set(key, { sinceMs: now, again: undefined });
    this.#watcher.taken?.(now - sinceMs);
    return key;
  }

  /** Settles when a key became ready, or the signal has aborted. */
  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#takers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#takers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #ages(): number[] {
    const now = this.#clock.monotonic();
    return [...this.#running.values()].map(({ sinceMs }) => now - sinceMs);
  }
}
