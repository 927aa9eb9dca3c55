/** The position below which everything of one shard was accepted, whatever order the acceptances arrive in. Pure. */
import { KinlogError } from '../../base/errors.ts';
import { comparePositions, positionText, type Position } from './position.ts';

/** A stretch of the shard that is accepted as a whole: usually a batch, a single record when it is held back. */
export interface Run {
  /** The last user record that lies in the run or before it, complete. */
  readonly end: Position;
  /** Arrival of that record, milliseconds since the epoch. */
  readonly arrivalMs: number;
}

interface Link {
  end: Position;
  arrivalMs: number;
  accepted: boolean;
  before: Link | undefined;
  after: Link | undefined;
}

/**
 * Runs are opened in the order of the shard and accepted in any order; `position` is the end of the last run before the first one that is still open.
 *
 *     start ──run──▶ end ──run──▶ end ──run──▶ end
 *            accepted      open         accepted
 *                   ▲ position stays here until the middle one is accepted
 *
 * A batch that stops inside a record or an aggregate opens a run that ends at the last user record it completes: `{after, …, partial: true}` while the
 * aggregate goes on, or once more the end of the run before when it completes none. A record that is held back gets a run of its own between the runs
 * of what lies before and behind it. Every step is O(1) and independent of the number of records; accepted neighbours melt together, so a record that
 * is held back for an hour costs no memory for what was accepted behind it.
 */
export class Watermark {
  #position: Position;
  #arrivalMs: number;
  #first: Link | undefined;
  #last: Link | undefined;
  #opened: Position;

  /** `position` and `arrivalMs` as the shard's row holds them. */
  constructor(position: Position, arrivalMs = 0) {
    this.#position = position;
    this.#arrivalMs = arrivalMs;
    this.#opened = position;
  }

  /** Everything up to here was accepted. Never goes back. */
  get position(): Position {
    return this.#position;
  }

  /** Arrival of the last accepted record, milliseconds since the epoch; 0 = none yet. */
  get arrivalMs(): number {
    return this.#arrivalMs;
  }

  /** True when everything opened was accepted. */
  get settled(): boolean {
    return this.#first === undefined;
  }

  /** Where the run opened last ends: what was read, accepted or not. */
  get opened(): Position {
    return this.#opened;
  }

  /** The next run of the shard. Fails when it lies before the last one: a source that repeats records must not pass for progress. */
  open(end: Position, arrivalMs: number): Run {
    if (comparePositions(end, this.#opened) < 0)
      throw new KinlogError(
        'KINLOG_UNEXPECTED',
        `a shard went back from ${positionText(this.#opened)} to ${positionText(end)}`,
      );
    this.#opened = end;
    const link: Link = { end, arrivalMs, accepted: false, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    return link;
  }

  /** The output took the run. True when the position moved. A second time changes nothing. */
  accept(run: Run): boolean {
    const link = run as Link;
    if (link.accepted) return false;
    link.accepted = true;
    if (link.after?.accepted === true) this.#melt(link, link.after);
    if (link.before?.accepted === true) {
      this.#melt(link.before, link);
      return false;
    }
    if (link !== this.#first) return false;
    return this.#advance(link);
  }

  /** `later` becomes part of `earlier`; both are accepted. */
  #melt(earlier: Link, later: Link): void {
    earlier.end = later.end;
    earlier.arrivalMs = later.arrivalMs;
    earlier.after = later.after;
    if (later.after === undefined) this.#last = earlier;
    else later.after.before = earlier;
  }

  #advance(accepted: Link): boolean {
    this.#first = accepted.after;
    if (this.#first === undefined) this.#last = undefined;
    else this.#first.before = undefined;
    this.#arrivalMs = accepted.arrivalMs;
    const moved = comparePositions(accepted.end, this.#position) > 0;
    this.#position = accepted.end;
    return moved;
  }
}
