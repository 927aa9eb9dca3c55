/** The sender as a Writable: each write is one event, and back-pressure is the sender's. */
import { Writable } from 'node:stream';
import type { EventMeta, OutgoingEvent } from '../record/event.ts';
import type { EventSettle } from './batch.ts';

export interface EventIntake {
  /** Calls `accepted` once the event is in the buffer, and `settle` once its fate is known. */
  enqueue(event: OutgoingEvent, settle: EventSettle, accepted: () => void): void;
  /** Sends what waits for company. */
  hurry(): void;
}

/** Takes text, bytes and events. `finish` comes when Kinesis has every event; the first event that it never will have destroys the stream with its error. */
export function eventWritable(intake: EventIntake, meta: EventMeta | undefined): Writable {
  let unsettled = 0;
  let settled: (() => void) | undefined;
  const settle: EventSettle = (error) => {
    unsettled--;
    if (error !== undefined) stream.destroy(error);
    if (unsettled === 0) settled?.();
  };
  const stream = new Writable({
    objectMode: true,
    decodeStrings: false,
    write(chunk: OutgoingEvent | Uint8Array | string, _encoding, accepted) {
      unsettled++;
      intake.enqueue(asEvent(chunk, meta), settle, accepted);
    },
    final(done) {
      settled = done;
      intake.hurry();
      if (unsettled === 0) done();
    },
  });
  return stream;
}

function asEvent(chunk: OutgoingEvent | Uint8Array | string, meta: EventMeta | undefined): OutgoingEvent {
  const event = typeof chunk === 'string' || chunk instanceof Uint8Array ? { data: chunk } : chunk;
  return meta === undefined ? event : { ...event, meta: event.meta === undefined ? meta : { ...meta, ...event.meta } };
}
