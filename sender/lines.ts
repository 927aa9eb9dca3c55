/** The two formats without an envelope: raw lines, and one JSON object a line. */
import type { EventMeta, OutgoingEvent } from '../record/event.ts';

const LF = Buffer.from('\n');

/** Event bytes one after the other, each ending in LF; metadata and times are not sent. Event borders survive only where events are single lines. */
export function encodeRaw(events: readonly OutgoingEvent[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { data } of events) {
    const bytes = asBytes(data);
    parts.push(bytes);
    if (bytes.at(-1) !== 10) parts.push(LF);
  }
  return Buffer.concat(parts);
}

/** An event that is a JSON object goes as it is; anything else becomes `{"time":…,"host":…,"source":…,"sourcetype":…,"message":…}`. */
export function encodeJson(events: readonly OutgoingEvent[], metaOf: (event: OutgoingEvent) => EventMeta): Uint8Array {
  return Buffer.from(events.map((event) => `${jsonObject(event, metaOf(event))}\n`).join(''));
}

function jsonObject(event: OutgoingEvent, meta: EventMeta): string {
  const text = (typeof event.data === 'string' ? event.data : asBytes(event.data).toString()).replace(/\r?\n$/, '');
  if (isObject(text) && !/[\r\n]/.test(text)) return text;
  const time = event.timeMs === undefined ? undefined : new Date(event.timeMs).toISOString();
  return JSON.stringify({ time, ...meta, message: text });
}

function isObject(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function asBytes(data: Uint8Array | string): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
