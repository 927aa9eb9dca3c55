/** The event stream of a modular input as splunkd reads it, byte by byte: the first byte that does not belong there is its fault, and nothing behind it counts.
 *  Elements: help.splunk.com, "Set up streaming" (developing modular inputs, XML streaming mode). */
import { SaxesParser } from 'saxes';

export interface SplunkEvent {
  readonly stanza: string;
  /** Children of <event> with their text. */
  readonly fields: Readonly<Record<string, string>>;
}

const FIELDS = new Set(['data', 'time', 'host', 'source', 'sourcetype', 'index', 'done']);
const ATTRIBUTES = new Set(['stanza', 'unbroken']);
/** Epoch seconds to the millisecond or the microsecond. */
const TIME = /^\d{1,10}\.(\d{3}|\d{6})$/;

export class EventDocument {
  /** Whole ones, in order. */
  readonly events: SplunkEvent[] = [];
  /** What is wrong first, and after how many bytes. */
  fault: string | undefined;
  /** `</stream>` was there. */
  whole = false;
  bytes = 0;
  readonly #parser = new SaxesParser();
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #open: string[] = [];
  #stanza = '';
  #fields: Record<string, string> = {};
  #text = '';
  /** The beginning of a reference that ended a chunk. */
  #cut = '';

  constructor() {
    this.#parser.on('error', (error) => {
      throw error;
    });
    for (const kind of ['comment', 'cdata', 'processinginstruction', 'doctype'] as const)
      this.#parser.on(kind, () => refuse(`a ${kind}`));
    this.#parser.on('opentag', ({ name, attributes }) => this.#opens(name, attributes));
    this.#parser.on('closetag', ({ name }) => this.#closes(name));
    this.#parser.on('text', (text) => {
      this.#text += text;
      if (this.#open.length < 3 && text.trim() !== '') refuse(`the text ${JSON.stringify(text.slice(0, 40))}`);
    });
  }

  write(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.fault !== undefined) return;
    try {
      const text = this.#decoder.decode(chunk, { stream: true });
      this.#checkReferences(text);
      this.#parser.write(text);
    } catch (error) {
      this.fault = `${String(error)} within the first ${this.bytes} bytes`;
    }
  }

  /** The parser lets an ampersand swallow everything up to the next semicolon, wherever that is. */
  #checkReferences(text: string): void {
    const joint = this.#cut + text;
    if (/&(?![#\w]{1,10};|[#\w]{0,10}$)/.test(joint)) refuse('an ampersand of its own');
    this.#cut = /&[#\w]{0,10}$/.exec(joint)?.[0] ?? '';
  }

  #opens(name: string, attributes: Readonly<Record<string, string>>): void {
    const depth = this.#open.push(name);
    this.#text = '';
    const known = depth === 3 ? FIELDS.has(name) : name === (depth === 1 ? 'stream' : 'event');
    if (!known || depth > 3) refuse(`<${this.#open.join('><')}>`);
    const strange = Object.keys(attributes).find((attribute) => depth !== 2 || !ATTRIBUTES.has(attribute));
    if (strange !== undefined) refuse(`the attribute ${strange}`);
    if (depth === 3 && name in this.#fields) refuse(`a second <${name}> in one <event>`);
    if (depth !== 2) return;
    this.#stanza = attributes['stanza'] ?? '';
    this.#fields = {};
  }

  #closes(name: string): void {
    const depth = this.#open.length;
    this.#open.pop();
    if (depth === 3) this.#fields[name] = this.#text;
    if (depth === 1) this.whole = true;
    if (depth !== 2) return;
    const { data, time } = this.#fields;
    if (data === undefined) refuse('an <event> without <data>');
    if (time !== undefined && !TIME.test(time)) refuse(`the time ${time}`);
    this.events.push({ stanza: this.#stanza, fields: this.#fields });
  }
}

function refuse(what: string): never {
  throw new Error(`${what} does not belong there`);
}
