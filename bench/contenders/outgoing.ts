/** The corpus as a producer has it: text and time of each event, and one object for each metadata it knows. */
import { Buffer } from 'node:buffer';
import type { EventMeta, OutgoingEvent } from '../../record/event.ts';
import { eventCount } from '../data/corpus.ts';
import { hecEvents } from '../data/generate.ts';

export function outgoing(): OutgoingEvent[] {
  const known = new Map<string, EventMeta>();
  return Array.from(hecEvents(eventCount()), ({ time, host, source, sourcetype, index, event }) => ({
    data: typeof event === 'string' ? event : JSON.stringify(event),
    timeMs: Math.round(time * 1000),
    meta: shared(known, { host, source, sourcetype, index }),
  }));
}

export function textBytes(events: readonly OutgoingEvent[]): number {
  return events.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
}

function shared(known: Map<string, EventMeta>, meta: EventMeta): EventMeta {
  const key = JSON.stringify(meta);
  const found = known.get(key) ?? meta;
  known.set(key, found);
  return found;
}
