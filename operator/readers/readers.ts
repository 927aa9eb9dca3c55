/** Asks readers how they stand: each seldom, few at once, never all together; and says so only when it makes a difference. */
import type { Clock } from '../../base/clock.ts';
import { keyOf } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import type { PodFacts, ReaderFacts } from '../reconcile/facts.ts';
import { CHECKPOINT_STEP_MS, LAG_BUCKETS_MS } from '../reconcile/told-status.ts';
import { factsIn } from './answer.ts';
import { statusText } from './ask.ts';

const PORT = 9464;
/** Under way together: readers that can not be reached take five seconds each, and the others are not to wait for them. */
const AT_ONCE = 64;
const TICK_MS = 1000;
/** Intervals without an answer after which nothing of the last one may still be true. */
const STALE_AFTER = 3;
/** Until a reader that is not ready is asked again, which may soon know more; then twice as long each time, up to the interval. */
const NOT_READY_MS = 10_000;
/** Intervals, at the most, until one that does not answer is asked again; one at first, then twice as long each time. */
const SILENT_INTERVALS = 4;
/** A reader whose pod became ready again, or ceased to be, has something to tell; but not more often than this. */
const SOON_MS = 5000;
/** As long it is worth waiting for what a reader says that has just become ready, so that it is written together with Running. */
const FIRST_WORD_MS = 1000;
/** A pod that is older was there before the operator; those are asked one after the other in the course of an interval. */
const YOUNG_MS = 60_000;

export interface ReadersParts {
  /** Seconds; 0: nobody is asked. */
  readonly intervalSeconds: number;
  readonly clock: Clock;
  /** The LogStream of this key is to be looked at. */
  readonly onNews: (key: string) => void;
  readonly random?: () => number;
  /** Of the readers' status servers. */
  readonly port?: number;
  /** What the /status at an address is; undefined: no answer. Never rejects. */
  readonly ask?: (ip: string, port: number, signal: AbortSignal) => Promise<string | undefined>;
}

/** What came of the last question. */
type Outcome = 'ready' | 'not ready' | 'silent';

interface Target {
  readonly podName: string;
  readonly ip: string;
  readonly ready: boolean;
  readonly startedAt: string;
}

interface Entry {
  readonly uid: string;
  readonly key: string;
  lagThresholdMs: number;
  target: Target;
  /** Its pod has been ready. */
  wasReady: boolean;
  facts: ReaderFacts | undefined;
  /** What of them makes a difference. */
  gist: string;
  /** Monotonic milliseconds, as all below. */
  dueMs: number;
  askedMs: number;
  /** Of the last answer, or since when there could have been one. */
  answeredMs: number;
  /** Until then its first word is waited for. */
  awaitedMs: number;
  outcome: Outcome;
  /** From the last question to the next, without chance. */
  pauseMs: number;
  /** Waits for its turn, or is being asked. */
  busy: boolean;
}

export class Readers {
  readonly #parts: ReadersParts;
  readonly #random: () => number;
  /** By the uid of the LogStream. */
  readonly #entries = new Map<string, Entry>();
  readonly #turns: Entry[] = [];
  #asking = 0;
  /** While it runs. */
  #signal: AbortSignal | undefined;

  constructor(parts: ReadersParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
  }

  /** Undefined: it has not been asked yet. */
  facts(uid: string): ReaderFacts | undefined {
    return this.#entries.get(uid)?.facts;
  }

  /** How long its first word, asked for just now, is worth waiting for; 0: it is there, or none is to be expected. */
  firstWordMs(uid: string): number {
    return Math.max(0, (this.#entries.get(uid)?.awaitedMs ?? 0) - this.#parts.clock.monotonic());
  }

  /** To be told at every look at the LogStream. */
  watch(stream: LogStream, pods: readonly PodFacts[]): void {
    const uid = stream.metadata.uid!;
    const target = targetIn(pods);
    if (this.#parts.intervalSeconds === 0 || target === undefined) {
      this.#entries.delete(uid);
      return;
    }
    const entry = this.#entries.get(uid);
    if (entry === undefined || !isSame(entry.target, target)) {
      const fresh = this.#newEntry(stream, target);
      this.#entries.set(uid, fresh);
      this.#askIfDue(fresh);
      return;
    }
    entry.lagThresholdMs = thresholdOf(stream);
    if (entry.target.ready !== target.ready) this.#turned(entry, target.ready);
    entry.target = target;
    this.#askIfDue(entry);
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Settles when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalSeconds } = this.#parts;
    if (intervalSeconds === 0) return;
    this.#signal = signal;
    for (;;) {
      await clock.sleep(TICK_MS, signal);
      const now = clock.monotonic();
      for (const entry of this.#entries.values()) {
        this.#expire(entry, now);
        this.#askIfDue(entry);
      }
    }
  }

  #turned(entry: Entry, ready: boolean): void {
    const isFirst = ready && !entry.wasReady;
    entry.wasReady ||= ready;
    if (isFirst) entry.awaitedMs = this.#parts.clock.monotonic() + FIRST_WORD_MS;
    entry.dueMs = Math.min(entry.dueMs, isFirst ? -Infinity : this.#soon(entry.askedMs));
  }

  #askIfDue(entry: Entry): void {
    if (this.#signal === undefined || entry.busy || entry.dueMs > this.#parts.clock.monotonic()) return;
    entry.busy = true;
    this.#turns.push(entry);
    this.#pump(this.#signal);
  }

  get #intervalMs(): number {
    return this.#parts.intervalSeconds * 1000;
  }

  #newEntry(stream: LogStream, target: Target): Entry {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    const isYoung = clock.now() - Date.parse(target.startedAt) < YOUNG_MS;
    return {
      uid: stream.metadata.uid!,
      key: keyOf(stream),
      lagThresholdMs: thresholdOf(stream),
      target,
      wasReady: target.ready,
      facts: undefined,
      gist: '',
      dueMs: this.#firstDueMs(target.ready, isYoung),
      askedMs: -Infinity,
      answeredMs: now,
      awaitedMs: target.ready && isYoung ? now + FIRST_WORD_MS : -Infinity,
      outcome: 'ready',
      pauseMs: this.#intervalMs,
      busy: false,
    };
  }

  #firstDueMs(ready: boolean, isYoung: boolean): number {
    if (!ready) return this.#soon(-Infinity);
    return isYoung ? -Infinity : this.#parts.clock.monotonic() + this.#random() * this.#intervalMs;
  }

  #soon(askedMs: number): number {
    const now = this.#parts.clock.monotonic();
    return Math.max(now + this.#random() * TICK_MS, askedMs + Math.min(SOON_MS, this.#intervalMs));
  }

  #expire(entry: Entry, now: number): void {
    if (entry.facts?.stale === true || now - entry.answeredMs <= STALE_AFTER * this.#intervalMs) return;
    entry.facts = { ...(entry.facts ?? unknown(entry.target.podName)), stale: true };
    this.#tell(entry);
  }

  #pump(signal: AbortSignal): void {
    while (this.#asking < AT_ONCE && this.#turns.length > 0) {
      this.#asking++;
      void this.#ask(this.#turns.shift()!, signal).finally(() => {
        this.#asking--;
        if (!signal.aborted) this.#pump(signal);
      });
    }
  }

  async #ask(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, ask = statusText, port = PORT } = this.#parts;
    const { target, uid } = entry;
    // Forgotten while it waited for its turn, or another pod is there.
    if (this.#entries.get(uid) !== entry) return;
    entry.askedMs = clock.monotonic();
    entry.dueMs = Infinity;
    const text = await ask(target.ip, port, signal);
    const facts = text === undefined ? undefined : factsIn(text, target.podName, clock.now());
    entry.busy = false;
    entry.awaitedMs = -Infinity;
    this.#plan(entry, facts === undefined ? 'silent' : facts.ready ? 'ready' : 'not ready');
    if (facts === undefined || this.#entries.get(uid) !== entry) return;
    entry.facts = facts;
    entry.answeredMs = clock.monotonic();
    this.#tell(entry);
  }

  /** When it is asked again, unless something said meanwhile that it is to be sooner. */
  #plan(entry: Entry, outcome: Outcome): void {
    const { first, most } = this.#pausesAfter(outcome);
    entry.pauseMs = entry.outcome === outcome ? Math.min(2 * entry.pauseMs, most) : first;
    entry.outcome = outcome;
    // A little more, so that they do not fall into step.
    entry.dueMs = Math.min(entry.dueMs, entry.askedMs + entry.pauseMs * (1 + this.#random() / 10));
  }

  #pausesAfter(outcome: Outcome): { readonly first: number; readonly most: number } {
    const interval = this.#intervalMs;
    switch (outcome) {
      case 'ready':
        return { first: interval, most: interval };
      case 'not ready':
        return { first: Math.min(NOT_READY_MS, interval), most: interval };
      case 'silent':
        return { first: interval, most: SILENT_INTERVALS * interval };
    }
  }

  #tell(entry: Entry): void {
    const gist = gistOf(entry);
    if (gist === entry.gist) return;
    entry.gist = gist;
    this.#parts.onNews(entry.key);
  }
}

/** The newest that runs and is to go on. */
function targetIn(pods: readonly PodFacts[]): Target | undefined {
  const running = pods.flatMap(({ name, ip, ready, startedAt, terminating, createdMs }) =>
    ip === undefined || startedAt === undefined || terminating !== undefined
      ? []
      : [{ podName: name, ip, ready, startedAt, createdMs }],
  );
  const [newest] = running.toSorted((a, b) => b.createdMs - a.createdMs || a.podName.localeCompare(b.podName));
  if (newest === undefined) return undefined;
  const { createdMs: _createdMs, ...target } = newest;
  return target;
}

const thresholdOf = ({ spec }: LogStream): number => spec.monitoring.lagThresholdSeconds * 1000;

/** One life of one pod. */
const isSame = (a: Target, b: Target): boolean =>
  a.podName === b.podName && a.ip === b.ip && a.startedAt === b.startedAt;

const unknown = (podName: string): ReaderFacts => ({
  podName,
  atMs: 0,
  version: '',
  ready: false,
  notReady: undefined,
  openShards: 0,
  closedShardsPending: 0,
  behindMs: undefined,
  positionStored: undefined,
  errors: [],
});

/** What the status would say about it; the rest may change as it likes. */
function gistOf({ facts, lagThresholdMs }: Entry): string {
  if (facts === undefined) return '';
  const { stale, version, ready, openShards, closedShardsPending, behindMs = -1, errors, eventsDelivered } = facts;
  if (stale === true) return 'stale';
  const lag = [
    LAG_BUCKETS_MS.findLast((boundary) => boundary <= behindMs),
    behindMs > lagThresholdMs,
    behindMs > lagThresholdMs / 2,
  ];
  const delivered = Math.floor(Date.parse(eventsDelivered ?? '') / CHECKPOINT_STEP_MS);
  const told = errors.map(({ part, code, message }) => [part, code, message]);
  return JSON.stringify([version, ready, openShards, closedShardsPending, lag, delivered, told]);
}
