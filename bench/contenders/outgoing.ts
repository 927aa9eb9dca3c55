/** The corpus as a producer has it: text, time and metadata of each event. */
import { Buffer } from 'node:buffer';
import type { OutgoingEvent } from '../../record/event.ts';
import { eventCount } from '../data/corpus.ts';
import { hecEvents } from '../data/generate.ts';

export function outgoing(): OutgoingEvent[] {
  return Array.from(hecEvents(eventCount()), ({ time, host, source, sourcetype, index, event }) => ({
    data: typeof event === 'string' ? event : JSON.stringify(event),
    timeMs: Math.round(time * 1000),
    meta: { host, source, sourcetype, index },
  }));
}

export function textBytes(events: readonly OutgoingEvent[]): number {
  return events.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
}
