/** The HEC output before a fake HEC: real connections, virtual time. */
import { EventLog, type EventName, type LogLine } from '../../base/events.ts';
import { openHec, type HecOptions } from '../../reader/output/hec.ts';
import type { Output } from '../../reader/output/output.ts';
import { BatchBuilder, type EventBatch } from '../../record/batch.ts';
import type { EventMeta } from '../../record/event.ts';
import { FakeClock } from '../fakes/clock.ts';
import type { Call } from '../fakes/hec/call.ts';
import { FakeHec, TOKEN, type FakeHecOptions, type Port } from '../fakes/hec/hec.ts';

export const never = new AbortController().signal;

export interface Sent {
  readonly text: string;
  readonly meta?: EventMeta;
  readonly fields?: string;
}

export function batchOf(...events: readonly (string | Sent)[]): EventBatch {
  const builder = new BatchBuilder();
  builder.record({ sequenceNumber: '1', subSequence: 0, arrivalMs: 0 });
  const load = (text: string): [number, number] => {
    const bytes = Buffer.from(text);
    const at = builder.load(bytes);
    return [at, at + bytes.length];
  };
  for (const event of events) {
    const { text, meta = {}, fields }: Sent = typeof event === 'string' ? { text: event } : event;
    builder.add(...load(text), NaN, builder.meta(meta));
    if (fields !== undefined) builder.addFields(...load(fields));
  }
  return builder.seal();
}

export const numbered = (name: string, count: number, padding = ''): string[] =>
  Array.from({ length: count }, (_, i) => `${name} ${i}${padding}`);

export class HecScene {
  readonly clock = new FakeClock();
  readonly lines: LogLine[] = [];
  readonly log = new EventLog((line) => this.lines.push(line), 'debug');
  readonly hec: FakeHec;
  readonly ports: Port[] = [];
  readonly outputs: Output[] = [];
  tokensAsked = 0;

  constructor(options?: FakeHecOptions) {
    this.hec = new FakeHec(options);
  }

  static async open(ports = 1, options?: FakeHecOptions): Promise<HecScene> {
    const scene = new HecScene(options);
    for (let n = 0; n < ports; n++) scene.ports.push(await scene.hec.open());
    return scene;
  }

  get port(): Port {
    return this.ports[0]!;
  }

  output(options: Partial<HecOptions> = {}): Output {
    const output = openHec({
      endpoints: this.ports.map(({ url }) => url),
      token: () => {
        this.tokensAsked++;
        return Promise.resolve(TOKEN);
      },
      log: this.log,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
    this.outputs.push(output);
    return output;
  }

  /** After its first answer. */
  async opened(options: Partial<HecOptions> = {}): Promise<Output> {
    const before = this.named('output.opened').length;
    const output = this.output(options);
    await this.until(() => this.named('output.opened').length > before, 0);
    return output;
  }

  /** What a search would find. */
  get texts(): unknown[] {
    return this.hec.events.map(({ event }) => event);
  }

  named(name: EventName): LogLine[] {
    return this.lines.filter((line) => line.name === name);
  }

  /** Of events, in the order in which they came. */
  posted(port = this.port): Call[] {
    return port.calls.filter(({ endpoint }) => endpoint === 'event');
  }

  posts(port?: Port): number {
    return this.posted(port).length;
  }

  /** Lets time pass while the network does what it does, until the fact holds. A step of virtual time takes a moment of real time. */
  async until(fact: () => boolean, stepMs = 1000): Promise<void> {
    for (let step = 0; !fact(); step++) {
      if (step > 5000) throw new Error(`the fact did not come true: ${this.lines.map(({ name }) => name).join(' ')}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (!fact() && step % 2 === 1) await this.clock.advance(stepMs);
    }
  }

  /** As `until`, for work that settles. */
  async settled<T>(work: Promise<T>, stepMs?: number): Promise<T> {
    let over = false;
    const end = () => (over = true);
    work.then(end, end);
    await this.until(() => over, stepMs);
    return work;
  }

  async close(): Promise<void> {
    for (const port of this.ports) port.faults.release();
    await this.settled(Promise.all(this.outputs.map((output) => output.close())));
    await this.hec.close();
  }
}
