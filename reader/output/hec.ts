/** Events to Splunk's HTTP Event Collector: batches of all callers in gzipped bodies, until Splunk has taken, or indexed, every event.
 *  Protocol: docs.splunk.com, "Format events for HTTP Event Collector" and "About HTTP Event Collector Indexer Acknowledgment". */
import { abortReason, systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { EventBatch } from '../../record/batch.ts';
import type { EventMeta } from '../../record/event.ts';
import type { Verdict } from './hec-answer.ts';
import { BodyWriter, compressed, type OpenBody } from './hec-body.ts';
import { hecConfig, type HecLimits } from './hec-config.ts';
import { HecEndpoint } from './hec-endpoint.ts';
import { failed, type HecLane } from './hec-lane.ts';
import { eachApart, halves, heldFrom, without } from './hec-parts.ts';
import { HecQueue } from './hec-queue.ts';
import { HecToken } from './hec-token.ts';
import { HecWrite, type Part } from './hec-write.ts';
import type { Output } from './output.ts';
import { OutputWatch } from './output-watch.ts';

export interface HecOptions {
  /** Such as https://splunk.example.com:8088; several for indexers or forwarders of equal standing. Only for this host may it be http. */
  readonly endpoints: readonly string[];
  /** Asked for at the start, and again after it was refused. */
  readonly token: () => Promise<string>;
  /** Indexer acknowledgement: a write settles when the indexers say that its events are safe. The token must have it too (useACK). Default false: when Splunk took them. */
  readonly ack?: boolean | undefined;
  /** Certificates that those of the endpoints are checked with: PEM, or a file of it. Default: the usual authorities. */
  readonly ca?: string | undefined;
  /** Address of a proxy; may hold a user and a password. Loopback never goes through it. */
  readonly proxy?: string | undefined;
  /** For events that say none. */
  readonly defaults?: { readonly [name in keyof EventMeta]: string | undefined } | undefined;
  readonly log: EventLog;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  /** Of a body before it is compressed, bytes; one event alone may have more. Default 1,000,000. */
  readonly maxBodyBytes?: number | undefined;
  /** Of one event as HEC takes it, bytes; a larger one is refused without being sent. Splunk's own limit (maxEventSize) is the default, 5 MiB. */
  readonly maxEventBytes?: number | undefined;
  /** Posts at the same time. Default 6. */
  readonly maxInFlight?: number | undefined;
  /** Bytes of events, before they are compressed, that may wait for their acknowledgement; then nothing more is posted. Default 64 MiB. */
  readonly maxUnackedBytes?: number | undefined;
  /** Between two questions for acknowledgements at first, milliseconds. Default 1,000. */
  readonly ackEveryMs?: number | undefined;
  /** Events that were not acknowledged for so long are sent again, milliseconds. Default 300,000. */
  readonly ackTimeoutMs?: number | undefined;
  /** What does not fill a body waits so long for more while other posts are under way, milliseconds. Default 100. */
  readonly lingerMs?: number | undefined;
  /** Without an acceptance for so long, `output.stalled` is told once, milliseconds. Default 30,000. */
  readonly stalledAfterMs?: number | undefined;
  /** For each call, milliseconds. Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

/** Each endpoint is asked at once whether it is well and knows the token. Fails with KINLOG_CONFIG_INVALID, which names every fault. */
export function openHec(options: HecOptions): Output {
  return new HecOutput(options);
}

/** Batches of one caller on their way while acknowledgements are waited for. */
const ACK_WINDOW = 8;
/** What waits for a person is tried again after half of this to all of it. */
const SLOW_MS = 60_000;

class HecOutput implements Output {
  readonly window: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: EventLog;
  readonly #limits: HecLimits;
  readonly #defaults: EventMeta;
  readonly #bodies: BodyWriter;
  readonly #queue: HecQueue;
  readonly #endpoints: readonly HecEndpoint[];
  readonly #watch: OutputWatch;
  readonly #writes = new Set<HecWrite>();
  readonly #over = new AbortController();
  #inFlight = 0;
  #unackedBytes = 0;
  /** When the queue is looked at again; Infinity = not before something happens. */
  #wakeAt = Infinity;
  #closing: Promise<void> | undefined;

  constructor(options: HecOptions) {
    const { targets, limits } = hecConfig(options);
    const { log, clock = systemClock, random = Math.random, defaults = {}, token } = options;
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#defaults = Object.fromEntries(Object.entries(defaults).filter(([, value]) => (value ?? '') !== ''));
    this.window = limits.ack ? ACK_WINDOW : 1;
    const over = this.#over.signal;
    this.#bodies = new BodyWriter(limits, this.#defaults);
    this.#queue = new HecQueue(this.#bodies, { ...limits, inOrder: !limits.ack });
    this.#watch = new OutputWatch({ log, clock, over, stalledAfterMs: limits.stalledAfterMs });
    const shared = { clock, random, log, over, watch: this.#watch, token: new HecToken(token) };
    const ack = limits.ack ? { everyMs: limits.ackEveryMs, timeoutMs: limits.ackTimeoutMs } : undefined;
    this.#endpoints = targets.map(
      (target) => new HecEndpoint({ ...shared, ...target, ack, ready: () => this.#pump() }),
    );
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    if (this.#closing !== undefined) throw new KinlogError('KINLOG_CLOSED', 'the HEC output was closed');
    if (signal.aborted) throw abortReason(signal);
    if (batch.length === 0) return;
    const write = new HecWrite(batch, signal, this.#clock.monotonic());
    this.#writes.add(write);
    this.#watch.begin();
    this.#queue.push({ write, batch, from: 0, to: batch.length });
    this.#pump();
    try {
      await write.settled;
    } finally {
      this.#watch.end();
      this.#writes.delete(write);
      this.#release(write, { from: 0, to: Infinity });
      if (write.givenUp) for (const endpoint of this.#endpoints) endpoint.abandoned();
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#writes].map(({ settled }) => settled));
    // A post whose writers have all given up is of no use to anybody.
    this.#over.abort();
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()));
  }

  #pump(): void {
    const { maxInFlight, maxUnackedBytes } = this.#limits;
    while (!this.#over.signal.aborted && this.#inFlight < maxInFlight && this.#unackedBytes < maxUnackedBytes) {
      const now = this.#clock.monotonic();
      const due = this.#queue.dueAt(this.#inFlight > 0, now);
      if (due === undefined) return;
      if (due > now) {
        void this.#wake(due, now);
        return;
      }
      const endpoint = this.#anyReady();
      if (endpoint === undefined) return;
      const body = this.#queue.take(now);
      if (body !== undefined) void this.#post(body, endpoint);
    }
  }

  async #wake(at: number, now: number): Promise<void> {
    if (this.#wakeAt <= at) return;
    this.#wakeAt = at;
    await this.#clock.sleep(at - now, this.#over.signal).catch(() => undefined);
    if (this.#wakeAt === at) this.#wakeAt = Infinity;
    this.#pump();
  }

  /** By chance among those with the fewest posts under way. */
  #anyReady(): HecEndpoint | undefined {
    const ready = this.#endpoints.filter((endpoint) => endpoint.mayPost());
    // Else one that is slow would sooner or later hold every post.
    const least = Math.min(...ready.map(({ posting }) => posting));
    const idlest = ready.filter(({ posting }) => posting === least);
    return idlest[Math.floor(this.#random() * idlest.length)];
  }

  async #post(body: OpenBody<Part>, endpoint: HecEndpoint): Promise<void> {
    this.#inFlight++;
    const lane = endpoint.take();
    const verdict = endpoint.believed(await this.#send(body, lane), body.events);
    this.#inFlight--;
    for (const { write } of body.ranges) if (write.posting === body) write.posting = undefined;
    if (this.#over.signal.aborted) return;
    endpoint.give(lane, verdict);
    if (body.ranges.every(({ write }) => write.over)) endpoint.abandoned();
    this.#settle(body, verdict);
    this.#pump();
  }

  async #send(body: OpenBody<Part>, lane: HecLane): Promise<Verdict> {
    const unacked = {
      acked: () => this.#acked(body),
      lost: (reason: string) => this.#lost(body, reason),
    };
    try {
      const bytes = await compressed(body).finally(() => this.#bodies.give(body));
      return await lane.post(bytes, unacked, this.#over.signal);
    } catch (error) {
      return failed(error, 'HEC');
    }
  }

  #settle(body: OpenBody<Part>, verdict: Verdict): void {
    switch (verdict.kind) {
      case 'accepted':
        this.#watch.accepted();
        for (const part of body.ranges) this.#release(part.write, part);
        if (this.#limits.ack) this.#unackedBytes += body.size;
        else this.#accept(body);
        return;
      case 'away':
      case 'refused':
        this.#queue.unshift(body.ranges);
        return;
      case 'too-large':
        if (body.events > 1) this.#queue.shrink(body.size >>> 1, this.#clock.monotonic());
        this.#refuse(body, undefined, verdict.reason);
        return;
      case 'event':
        this.#refuse(body, verdict.number, verdict.reason);
        return;
      case 'index':
        this.#holdBack(body, verdict.number, verdict.reason);
    }
  }

  #accept(body: OpenBody<Part>): void {
    for (const part of body.ranges) part.write.accept(part);
  }

  /** One event will never be taken; the others are sent again, in halves when nobody said which it is. */
  #refuse(body: OpenBody<Part>, number: number | undefined, reason: string): void {
    const guilty = body.locate(number ?? (body.events === 1 ? 0 : Infinity));
    if (guilty === undefined) {
      this.#queue.unshift(halves(body.ranges));
      return;
    }
    const { range, index } = guilty;
    range.write.refuse({ index, reason });
    this.#release(range.write, { from: index, to: index + 1 });
    this.#queue.unshift(without(body.ranges, range, index));
  }

  /** A batch that names an index that is not allowed waits from there on for a person; the others go on without it. */
  #holdBack(body: OpenBody<Part>, number: number | undefined, reason: string): void {
    const guilty = number === undefined ? undefined : body.locate(number);
    const first = body.ranges[0]!;
    if (guilty === undefined && body.ranges.some(({ write }) => write !== first.write)) {
      this.#queue.unshift(eachApart(body.ranges));
      return;
    }
    const { range, index } = guilty ?? { range: first, index: first.from };
    // Its memory may hold other events by now.
    if (!range.write.over) this.#holdFor(range, index, reason);
    const waitMs = SLOW_MS * (0.5 + this.#random() / 2);
    this.#queue.unshift(heldFrom(body.ranges, range, index, this.#clock.monotonic() + waitMs));
  }

  #holdFor({ batch, write }: Part, event: number, reason: string): void {
    const row = batch.meta.row(batch.metaRow[event]!);
    const index = row.index ?? this.#defaults.index ?? 'the default of the token';
    const remedy = 'Create the index, or allow it to the token, or send the events to another.';
    const by = `index ${index}`;
    this.#watch.refused(
      by,
      new KinlogError('KINLOG_SPLUNK_REFUSED', `events for the ${by} are not taken: ${reason}`, { remedy }),
    );
    write.hold(event, by);
  }

  /** What refused events of these is well again once it holds no others. */
  #release(write: HecWrite, events: { readonly from: number; readonly to: number }): void {
    for (const by of write.release(events))
      if (![...this.#writes].some((other) => other.heldBy(by))) this.#watch.wellAgain(by);
  }

  #acked(body: OpenBody<Part>): void {
    this.#unackedBytes -= body.size;
    this.#watch.accepted();
    this.#accept(body);
    this.#pump();
  }

  #lost(body: OpenBody<Part>, reason: string): void {
    this.#unackedBytes -= body.size;
    if (body.ranges.some(({ write }) => !write.over)) {
      this.#log.emit('output.resent', { events: body.events, reason });
      this.#queue.unshift(body.ranges);
    }
    // Also when nobody waits for it any more: there is room for what others wait for.
    this.#pump();
  }
}
