/** A stanza, a fake splunkd that holds it, and the client that the input would use. */
import { EventLog, type LogLine } from '../../../base/events.ts';
import type { Stanza } from '../../../splunk-app/input/document.ts';
import { SCHEME } from '../../../splunk-app/input/options.ts';
import { resolveSecrets, type Secrets } from '../../../splunk-app/input/secrets.ts';
import { Splunkd } from '../../../splunk-app/input/splunkd.ts';
import { parseStanzaOptions } from '../../../splunk-app/input/stanza.ts';
import { FakeSplunkd, type Port } from '../../fakes/splunkd/splunkd.ts';

export const KEY = 'session-key-of-the-input';
export const GOOD = { stream_name: 'access-logs', aws_region: 'eu-central-1' };

export class SecretsScene {
  readonly fake = new FakeSplunkd();
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line));
  readonly stop = new AbortController();
  readonly #clients: Splunkd[] = [];
  #port: Port | undefined;

  async open(): Promise<void> {
    this.#port = await this.fake.open({ tls: false });
  }

  get port(): Port {
    return this.#port!;
  }

  client(options: Partial<ConstructorParameters<typeof Splunkd>[0]> = {}): Splunkd {
    const splunkd = new Splunkd({ url: this.port.url, sessionKey: KEY, env: {}, log: this.log, ...options });
    this.#clients.push(splunkd);
    return splunkd;
  }

  put(name: string, params: Readonly<Record<string, string>>): void {
    this.fake.inputs.stanzas.set(`${SCHEME}/${name}`, { ...GOOD, ...params });
  }

  /** As the next run would get it. */
  stanza(name: string, app = 'search'): Stanza {
    const params = new Map(Object.entries(this.fake.inputs.effective(`${SCHEME}/${name}`)));
    return { name: `${SCHEME}://${name}`, app, params };
  }

  /** One run of the input. */
  async resolve(name: string, splunkd = this.client(), app = 'search'): Promise<Secrets> {
    const stanza = this.stanza(name, app);
    const options = parseStanzaOptions(stanza.params);
    return resolveSecrets({ stanza, options, splunkd, log: this.log, signal: this.stop.signal });
  }

  get edits(): readonly string[] {
    return this.fake.inputs.happened;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.fake.close();
  }
}
