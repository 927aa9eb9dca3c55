/** The token of an HTTP Event Collector: asked for once, and again after it was refused, so that it can be renewed while events wait. */
import { KinlogError } from '../../base/errors.ts';

export class HecToken {
  readonly #ask: () => Promise<string>;
  #known: Promise<string> | undefined;
  #given: string | undefined;
  #refused: string | undefined;

  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
  }

  /** Rejects as the one that is asked does, or with KINLOG_SPLUNK_REFUSED when it gave no token. */
  async get(): Promise<string> {
    const asked = (this.#known ??= this.#ask());
    try {
      const token = (await asked).trim();
      if (/^[\x21-\x7e]+$/.test(token)) return (this.#given = token);
    } catch (error) {
      this.#known = undefined;
      throw error;
    }
    this.#known = undefined;
    throw new KinlogError('KINLOG_SPLUNK_REFUSED', 'what was given as HEC token is empty or no token', {
      remedy: 'Give the value of a token as Splunk shows it under Settings → Data inputs → HTTP Event Collector.',
    });
  }

  /** The next one that needs it asks anew. */
  refused(): void {
    this.#refused = this.#given;
    this.#known = undefined;
  }

  /** Asks whether there is another one than that which was refused. */
  async renewed(): Promise<boolean> {
    const token = await this.get().catch(() => undefined);
    if (token !== undefined && token !== this.#refused) return true;
    this.#known = undefined;
    return false;
  }
}
