/** What was sent against what was delivered, line by line; the Splunk event stream is read by an XML parser that is not ours. */
import { SaxesParser } from 'saxes';

export interface SplunkEvent {
  readonly time?: string;
  readonly host?: string;
  readonly source?: string;
  readonly sourcetype?: string;
  readonly index?: string;
  readonly data: string;
}

/** Calls back for every complete event of one life of the input; an event that a kill cut off is not complete. Throws when the stream is not well-formed. */
export class EventStream {
  readonly #parser = new SaxesParser();
  readonly #decoder = new TextDecoder();
  #event: Record<string, string> | undefined;
  #field = '';

  constructor(onEvent: (event: SplunkEvent) => void) {
    this.#parser.on('opentag', ({ name }) => {
      if (name === 'event') this.#event = { data: '' };
      else this.#field = name;
    });
    this.#parser.on('text', (text) => {
      if (this.#event !== undefined && this.#field !== '')
        this.#event[this.#field] = (this.#event[this.#field] ?? '') + text;
    });
    this.#parser.on('closetag', ({ name }) => {
      if (name === 'event' && this.#event !== undefined) onEvent(this.#event as unknown as SplunkEvent);
      if (name === 'event') this.#event = undefined;
      this.#field = '';
    });
    this.#parser.on('error', (error) => {
      throw error;
    });
  }

  write(chunk: Uint8Array): void {
    this.#parser.write(this.#decoder.decode(chunk, { stream: true }));
  }
}

/** A line of any bytes as XML shows it: invalid UTF-8, and characters that no XML document can hold, become U+FFFD. */
function asXmlShows(line: Buffer): string {
  // eslint-disable-next-line no-control-regex -- the characters in question
  return line.toString('utf8').replaceAll(/[\x00-\x08\v\f\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
}

export class Tally {
  readonly first: SplunkEvent[] = [];
  delivered = 0;
  #missing: number;
  #unknown = 0;
  readonly #open = new Map<string, number>();
  readonly #sent: number;
  readonly #progress: (delivered: number, of: number) => void;

  constructor(lines: readonly Buffer[], progress: (delivered: number, of: number) => void) {
    for (const text of lines.map(asXmlShows)) this.#open.set(text, (this.#open.get(text) ?? 0) + 1);
    this.#sent = lines.length;
    this.#missing = lines.length;
    this.#progress = progress;
  }

  get missing(): number {
    return this.#missing;
  }

  add(event: SplunkEvent): void {
    if (this.first.length < 3) this.first.push(event);
    this.delivered++;
    const open = this.#open.get(event.data);
    if (open === undefined) this.#unknown++;
    else if (open > 0) this.#missing--;
    this.#open.set(event.data, Math.max(0, (open ?? 0) - 1));
    if (this.delivered % 1000 === 0) this.#progress(this.#sent - this.#missing, this.#sent);
  }

  /** `delivered` counts each line that was sent once; what came again is duplicated. */
  summary(): { readonly line: string; readonly complete: boolean } {
    const arrived = this.#sent - this.#missing;
    const duplicated = this.delivered - arrived - this.#unknown;
    const strange = this.#unknown === 0 ? '' : `, never sent ${this.#unknown}`;
    return {
      line: `demo: sent ${this.#sent}, delivered ${arrived}, lost ${this.#missing}, duplicated ${duplicated}${strange}`,
      complete: this.#missing === 0 && this.#unknown === 0,
    };
  }
}
