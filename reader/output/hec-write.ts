/** One batch on its way to HEC: which of its events are still to be accepted, and what its caller is told in the end. */
import { abortReason } from '../../base/clock.ts';
import type { EventBatch } from '../../record/batch.ts';
import type { OpenBody, Range } from './hec-body.ts';
import { EventsRefused, type RefusedEvent } from './output.ts';

/** Events of a write that go together. */
export interface Part extends Range {
  readonly write: HecWrite;
  /** Shares bodies only with parts of the same group: what was refused goes on apart from what was not. */
  readonly group?: Group;
}

export interface Group {
  /** Monotonic milliseconds. */
  readonly notBefore: number;
}

export class HecWrite {
  readonly batch: EventBatch;
  /** Settles as Output.write. */
  readonly settled: Promise<void>;
  /** When its caller began to wait, monotonic milliseconds. */
  readonly since: number;
  /** The body that holds some of it and was not answered; the next waits for that, so that the events stay in order. */
  posting: OpenBody<Part> | undefined;
  readonly #promise = Promise.withResolvers<undefined>();
  readonly #refused: RefusedEvent[] = [];
  /** Events that are not taken before a person has acted, each with what refuses it. */
  readonly #held = new Map<number, string>();
  readonly #signal: AbortSignal;
  readonly #abort = () => this.#end(() => this.#promise.reject(abortReason(this.#signal)));
  #left: number;
  #over = false;

  constructor(batch: EventBatch, signal: AbortSignal, since: number) {
    this.batch = batch;
    this.since = since;
    this.settled = this.#promise.promise;
    this.#left = batch.length;
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Nobody waits any more, and the batch may have been used again. */
  get over(): boolean {
    return this.#over;
  }

  get givenUp(): boolean {
    return this.#signal.aborted;
  }

  accept({ from, to }: Range): void {
    this.#count(to - from);
  }

  refuse(event: RefusedEvent): void {
    if (this.#over) return;
    this.#refused.push(event);
    this.#count(1);
  }

  hold(event: number, by: string): void {
    this.#held.set(event, by);
  }

  /** What refused events of these, which were taken now, or will be by nobody. */
  release({ from, to }: Omit<Range, 'batch'>): string[] {
    const released = [...this.#held].filter(([event]) => event >= from && event < to);
    for (const [event] of released) this.#held.delete(event);
    return released.map(([, by]) => by);
  }

  heldBy(by: string): boolean {
    return [...this.#held.values()].includes(by);
  }

  #count(events: number): void {
    this.#left -= events;
    if (this.#left > 0 || this.#over) return;
    this.#end(() => {
      if (this.#refused.length === 0) this.#promise.resolve(undefined);
      else this.#promise.reject(refusalOf(this.#refused, this.batch.length));
    });
  }

  #end(tell: () => void): void {
    this.#over = true;
    this.#signal.removeEventListener('abort', this.#abort);
    tell();
  }
}

function refusalOf(refused: readonly RefusedEvent[], events: number): EventsRefused {
  const inOrder = [...refused].sort((a, b) => a.index - b.index);
  const { index, reason } = inOrder[0]!;
  const message = `HEC refused ${refused.length} of ${events} events for good; the first is number ${index}: ${reason}`;
  return new EventsRefused(inOrder, message);
}
