/** What waits for HEC, in order: parts of batches become bodies, and come back to the front when a body was not taken. */
import type { BodyWriter, OpenBody } from './hec-body.ts';
import type { Group, HecWrite, Part } from './hec-write.ts';

export interface QueueOptions {
  readonly maxBodyBytes: number;
  readonly lingerMs: number;
  /** Parts of one batch go one after the other. */
  readonly inOrder: boolean;
}

/** A line is about so much longer than its data. */
const LINE_BYTES = 100;
const GROW_EVERY_MS = 600_000;

export class HecQueue {
  readonly #bodies: BodyWriter;
  readonly #options: QueueOptions;
  #parts: Part[] = [];
  /** Learned from servers, or what stands before them, that take less. */
  #maxBodyBytes: number;
  /** When they are asked again whether they take more, monotonic milliseconds. */
  #growAt = Infinity;

  constructor(bodies: BodyWriter, options: QueueOptions) {
    this.#bodies = bodies;
    this.#options = options;
    this.#maxBodyBytes = options.maxBodyBytes;
  }

  push(part: Part): void {
    this.#parts.push(part);
  }

  /** Before everything that waits, because it has waited longer. */
  unshift(parts: readonly Part[]): void {
    this.#parts.unshift(...parts.filter(({ write, from, to }) => !write.over && from < to));
  }

  shrink(maxBodyBytes: number, now: number): void {
    this.#maxBodyBytes = Math.min(this.#maxBodyBytes, Math.max(1, maxBodyBytes));
    this.#growAt = now + GROW_EVERY_MS;
  }

  /** When the next body should go, monotonic milliseconds; undefined when nothing may. Small ones wait a little for company while others are under way. */
  dueAt(underWay: boolean, now: number): number | undefined {
    this.#parts = this.#parts.filter(({ write }) => !write.over);
    let bytes = 0;
    let due = Infinity;
    for (const part of this.#candidates()) {
      const notBefore = part.group?.notBefore ?? 0;
      const linger = underWay && part.group === undefined ? part.write.since + this.#options.lingerMs : now;
      due = Math.min(due, Math.max(notBefore, linger));
      if (part.group === undefined) bytes += bytesOf(part);
      if (bytes >= this.#maxBodyBytes) return now;
    }
    return due === Infinity ? undefined : due;
  }

  /** The next body; undefined when nothing may go, or what would have gone can not be sent at all. */
  take(now: number): OpenBody<Part> | undefined {
    const first = this.#candidates().find(({ group }) => group === undefined || group.notBefore <= now);
    if (first === undefined) return undefined;
    this.#grow(now);
    const body = this.#bodies.open<Part>();
    this.#fill(body, first.group);
    if (body.size > 0) return body;
    this.#bodies.give(body);
    return undefined;
  }

  /** What refused larger bodies may have been mended; if not, one post in each such time shows it. */
  #grow(now: number): void {
    if (now < this.#growAt) return;
    const most = this.#options.maxBodyBytes;
    this.#maxBodyBytes = Math.min(2 * this.#maxBodyBytes, most);
    this.#growAt = this.#maxBodyBytes < most ? now + GROW_EVERY_MS : Infinity;
  }

  /** In order, only the first part of a batch of which nothing is under way. */
  #candidates(): Part[] {
    if (!this.#options.inOrder) return this.#parts;
    const seen = new Set<HecWrite>();
    return this.#parts.filter(({ write }) => {
      const first = write.posting === undefined && !seen.has(write);
      seen.add(write);
      return first;
    });
  }

  #fill(body: OpenBody<Part>, group: Group | undefined): void {
    const left: Part[] = [];
    const passed = new Set<HecWrite>();
    let full = false;
    for (const part of this.#parts) {
      const { write } = part;
      const elsewhere = write.posting !== undefined && write.posting !== body;
      const waits = this.#options.inOrder && (elsewhere || passed.has(write));
      const rest: Part | undefined = full || waits || part.group !== group ? part : this.#put(body, part);
      if (rest === undefined) continue;
      full ||= rest !== part;
      passed.add(write);
      left.push(rest);
    }
    this.#parts = left;
  }

  /** A copy of what there is no room for. Events that can not be sent are refused on the way. */
  #put(body: OpenBody<Part>, part: Part): Part | undefined {
    let rest = { ...part };
    while (rest.from < rest.to) {
      const { next, unsendable } = this.#bodies.fill(body, rest, this.#maxBodyBytes);
      if (next > rest.from) {
        body.ranges.push({ ...rest, to: next });
        part.write.posting = body;
      }
      if (unsendable !== undefined) part.write.refuse(unsendable);
      rest = { ...rest, from: unsendable === undefined ? next : next + 1 };
      if (unsendable === undefined) break;
    }
    return rest.from < rest.to ? rest : undefined;
  }
}

function bytesOf({ batch, from, to }: Part): number {
  return batch.end[to - 1]! - batch.start[from]! + LINE_BYTES * (to - from);
}
