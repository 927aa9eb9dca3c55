/** The seam where events leave the reader. */
import type { EventBatch } from '../../record/batch.ts';

/** Where events go. `write` settles when the batch is as safe as the output can make it, and rejects only when it never will be
 *  (KINLOG_OUTPUT_CLOSED, KINLOG_OUTPUT_FAILED; KINLOG_EVENTS_REFUSED when it took none of the batch because it will never take some of it) or the signal aborts. Until it settles the batch belongs to the output and may not be re-used.
 *  Several shards write at the same time; the output keeps each batch whole and the batches of one caller in order. */
export interface Output {
  write(batch: EventBatch, signal: AbortSignal): Promise<void>;
  /** Settles when everything accepted has left the process. Later writes reject with KINLOG_CLOSED. */
  close(): Promise<void>;
}
