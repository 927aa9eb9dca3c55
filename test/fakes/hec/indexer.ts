/** The indexers behind a HEC: what they took, what they have indexed, and what they say about it.
 *  help.splunk.com, "About HTTP Event Collector Indexer Acknowledgment": identifiers count from 0 in each channel, and only the indexer that gave one knows it. */
import type { SentEvent } from './events.ts';

/** An event that a search would find. */
export interface StoredEvent extends SentEvent {
  readonly token: string;
  readonly indexer: string;
}

/** A request that was accepted. */
interface Taken {
  readonly events: readonly StoredEvent[];
  readonly indexer: Indexer;
  /** With indexer acknowledgement. */
  readonly ticket?: { readonly channel: string; readonly ackId: number };
}

export class Indexer {
  readonly name: string;
  readonly #channels = new Map<string, { next: number; readonly indexed: Set<number> }>();

  constructor(name: string) {
    this.name = name;
  }

  /** The number of a new request of a channel. */
  number(channel: string): number {
    const known = this.#channels.get(channel) ?? { next: 0, indexed: new Set() };
    this.#channels.set(channel, known);
    return known.next++;
  }

  indexed(channel: string, ackId: number): void {
    this.#channels.get(channel)?.indexed.add(ackId);
  }

  /** What is true is told once, unless `again`; false is what is not indexed yet, and whatever else is asked. */
  told(channel: string, ackIds: readonly number[], again: boolean): Record<string, boolean> {
    const indexed = this.#channels.get(channel)?.indexed;
    return Object.fromEntries(
      ackIds.map((ackId) => [ackId, again ? indexed?.has(ackId) === true : indexed?.delete(ackId) === true]),
    );
  }

  /** As after a restart, or after maxIdleTime (inputs.conf, [http] ackIdleCleanup): numbers begin at 0 again. */
  forget(): void {
    this.#channels.clear();
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()];
  }
}

/** From acceptance to the index. Without acknowledgement nobody sees the way, so it takes no time. */
export class Indexing {
  /** In the order in which they were indexed. */
  readonly events: StoredEvent[] = [];
  /** What is accepted waits for `index`. */
  held = false;
  /** How long it takes. */
  delayMs = 0;
  /** An acknowledgement is told as often as it is asked for. */
  tellsAgain = false;
  readonly #stored: (events: readonly StoredEvent[]) => void;
  #waiting: Taken[] = [];
  #drops = 0;
  #mutes = 0;

  constructor(stored: (events: readonly StoredEvent[]) => void) {
    this.#stored = stored;
  }

  /** The next requests with acknowledgement are accepted, and lost on the way. */
  drop(requests: number): void {
    this.#drops += requests;
  }

  /** The next requests with acknowledgement are indexed, and never acknowledged. */
  mute(requests: number): void {
    this.#mutes += requests;
  }

  take(taken: Taken): void {
    if (taken.ticket === undefined) this.#index(taken);
    else if (this.#drops > 0) this.#drops--;
    else if (this.#mutes > 0) {
      this.#mutes--;
      this.#index({ events: taken.events, indexer: taken.indexer });
    } else this.#later(taken);
  }

  #later(taken: Taken): void {
    if (!this.held && this.delayMs === 0) {
      this.#index(taken);
      return;
    }
    this.#waiting.push(taken);
    if (!this.held)
      setTimeout(() => {
        // It may have been lost, or indexed, in the meantime.
        if (this.#waiting.includes(taken)) this.#end(taken);
      }, this.delayMs).unref();
  }

  /** The oldest requests that wait; all unless told how many. */
  index(requests = Infinity): void {
    for (const taken of this.#waiting.slice(0, requests)) this.#end(taken);
  }

  /** Events that are accepted and not indexed. */
  get waiting(): number {
    return this.#waiting.reduce((sum, { events }) => sum + events.length, 0);
  }

  /** As by a crash. */
  loseWaiting(): void {
    this.#waiting = [];
  }

  #end(taken: Taken): void {
    this.#waiting = this.#waiting.filter((other) => other !== taken);
    this.#index(taken);
  }

  #index({ events, indexer, ticket }: Taken): void {
    this.#stored(events);
    for (const event of events) this.events.push(event);
    if (ticket !== undefined) indexer.indexed(ticket.channel, ticket.ackId);
  }
}
