/** Renders batches through chunks of any size and reads the result with an XML parser that is not ours. */
import { SaxesParser } from 'saxes';
import { BatchBuilder, type EventBatch } from '../../../record/batch.ts';
import type { EventMeta } from '../../../record/event.ts';
import { XmlWriter } from '../../../reader/output/xml.ts';

export interface Given {
  readonly data: Uint8Array | string;
  readonly timeUs?: number;
  readonly meta?: EventMeta;
  readonly mark?: number;
}

export function batchOf(events: readonly Given[]): EventBatch {
  const builder = new BatchBuilder();
  for (const { data, timeUs = NaN, meta = {}, mark = 0 } of events) {
    const bytes = Buffer.from(data as Uint8Array);
    const at = builder.load(bytes);
    builder.add(at, at + bytes.length, timeUs, builder.meta(meta), mark);
  }
  return builder.seal();
}

export function render(
  batch: EventBatch,
  stanza = 'kinesis_log://x',
  chunkBytes = 65_536,
  writer = new XmlWriter(),
): string {
  const chunk = Buffer.alloc(chunkBytes);
  const parts: Buffer[] = [];
  writer.begin(batch, stanza);
  for (let size = writer.fill(chunk); size > 0; size = writer.fill(chunk)) {
    parts.push(Buffer.from(chunk.subarray(0, size)));
    chunk.fill(0xff);
  }
  // Fatal: bytes that are no text must not be forgiven here.
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
}

export interface ParsedEvent {
  readonly attributes: Readonly<Record<string, string>>;
  /** Text by element. */
  readonly elements: Readonly<Record<string, string>>;
}

/** Throws for anything that is not well-formed XML 1.0. */
export function parse(xml: string): ParsedEvent[] {
  const events: { attributes: Record<string, string>; elements: Record<string, string> }[] = [];
  const open: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'event') events.push({ attributes: { ...attributes }, elements: {} });
    else if (name !== 'stream') events.at(-1)!.elements[name] = '';
    open.push(name);
  });
  parser.on('closetag', () => open.pop());
  parser.on('text', (text) => {
    const name = open.at(-1)!;
    if (name === 'stream') return;
    const { elements } = events.at(-1)!;
    elements[name] = `${elements[name] ?? ''}${text}`;
  });
  parser.write(`<stream>${xml}</stream>`).close();
  return events;
}

// eslint-disable-next-line no-control-regex -- what XML 1.0 forbids
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** What text becomes on its way through XML. */
export const throughXml = (text: string) => text.toWellFormed().replaceAll(FORBIDDEN, '\ufffd');
