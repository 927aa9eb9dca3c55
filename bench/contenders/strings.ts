/** Splunk's XML from HEC lines as one would write it first: parse, test, concatenate. The baseline of what works on bytes. */
import { Buffer } from 'node:buffer';
import type { HecEvent } from '../data/generate.ts';

/** What XML 1.0 can not hold as it stands. */
// eslint-disable-next-line no-control-regex -- those are the characters that must be replaced
const SPECIAL = /[&<>\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const EVERY_SPECIAL = new RegExp(SPECIAL, 'g');
const WRITTEN: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const CHUNK = 64 * 1024;
const ROWS = 10_000;

/** Events of one stanza; `sink` gets chunks of about 64 KiB. */
export class StringXml {
  readonly #head: string;
  readonly #sink: (chunk: Buffer) => void;
  /** Metadata is rendered once, not once per event. */
  readonly #rows = new Map<string, string>();
  #text = '';
  events = 0;

  constructor(stanza: string, sink: (chunk: Buffer) => void) {
    this.#head = `<event stanza="${stanza}"><time>`;
    this.#sink = sink;
  }

  add(lines: Buffer): void {
    for (const line of lines.toString().split('\n')) {
      if (line === '') continue;
      const event = JSON.parse(line) as HecEvent;
      const text = typeof event.event === 'string' ? event.event : JSON.stringify(event.event);
      this.#text += `${this.#head}${event.time}</time>${this.#row(event)}<data>${escape(text)}</data></event>\n`;
      this.events++;
      if (this.#text.length > CHUNK) this.flush();
    }
  }

  flush(): void {
    if (this.#text !== '') this.#sink(Buffer.from(this.#text));
    this.#text = '';
  }

  #row({ host, source, sourcetype, index }: HecEvent): string {
    const key = `${host}\0${source}\0${sourcetype}\0${index}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row =
        `<host>${escape(host)}</host><source>${escape(source)}</source>` +
        `<sourcetype>${escape(sourcetype)}</sourcetype><index>${escape(index)}</index>`;
      if (this.#rows.size > ROWS) this.#rows.clear();
      this.#rows.set(key, row);
    }
    return row;
  }
}

function escape(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(EVERY_SPECIAL, (found) => WRITTEN[found] ?? '\ufffd') : text;
}
