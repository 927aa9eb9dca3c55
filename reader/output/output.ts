/** The seam where events leave the reader. */
import { KinlogError } from '../../base/errors.ts';
import type { EventBatch } from '../../record/batch.ts';

/** Where events go. `write` settles when the batch is as safe as the output can make it, and rejects only when it never will be
 *  (KINLOG_OUTPUT_CLOSED, KINLOG_OUTPUT_FAILED; KINLOG_EVENTS_REFUSED when it will never take some of it) or the signal aborts. Until it settles the batch belongs to the output and may not be re-used.
 *  An output that refuses events took none of the batch, unless it names them with an EventsRefused: then it took all others.
 *  Several shards write at the same time; the output keeps the batches of one caller in order, and each batch whole when it has one way out. */
export interface Output {
  /** How many batches of one caller may wait for the output at the same time; they may then arrive in any order. Default 1. More where being safe takes much longer than being sent. */
  readonly window?: number;
  write(batch: EventBatch, signal: AbortSignal): Promise<void>;
  /** Settles when everything accepted has left the process. Later writes reject with KINLOG_CLOSED. */
  close(): Promise<void>;
}

export interface RefusedEvent {
  /** Of the event in its batch. */
  readonly index: number;
  readonly reason: string;
}

/** KINLOG_EVENTS_REFUSED of an output that knows which events it will never take; all others of the batch were accepted. */
export class EventsRefused extends KinlogError {
  /** In the order of the batch; at least one. */
  readonly refused: readonly RefusedEvent[];

  constructor(refused: readonly RefusedEvent[], message: string) {
    super('KINLOG_EVENTS_REFUSED', message);
    this.refused = refused;
  }
}
