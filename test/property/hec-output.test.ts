/** The law of the HEC output, whatever its servers and their callers do: nothing is lost, nothing comes twice that no fault explains, the events of a caller
 *  keep their order without acknowledgement, and only events that Splunk will never take are refused, each by its name. What a caller gave up may be anywhere. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventsRefused, type Output } from '../../reader/output/output.ts';
import { batchOf, HecScene, type Sent } from '../faults/hec-scene.ts';
import { TOKEN, type Port } from '../fakes/hec/hec.ts';

const NESTED = '{"a":{"b":1}}';

class Model {
  readonly scene: HecScene;
  readonly output: Output;
  readonly ack: boolean;
  /** Something happened after which an event may rightly come once more. */
  doubts = false;
  readonly #callers = new Map<number, Promise<void>>();
  /** That ends what the caller waits for. */
  readonly #stops = new Map<number, AbortController>();
  readonly #givenUp = new Set<string>();
  readonly #faults: string[] = [];
  #count = 0;
  /** Events that Splunk will never take. */
  #bad = 0;

  constructor(scene: HecScene, ack: boolean) {
    this.scene = scene;
    this.ack = ack;
    const limits = { maxBodyBytes: 1200, maxInFlight: 3, maxUnackedBytes: 5000, ackTimeoutMs: 60_000 };
    this.output = scene.output({ ack, ...limits });
  }

  /** Each caller writes its batches one after the other; `bad`: which event of the batch is one. */
  write(caller: number, events: number, bad: number | undefined): void {
    const batch = Array.from({ length: events }, (_, i): Sent => {
      const text = `${caller} ${this.#count++}${'x'.repeat((i * 97) % 300)}`;
      if (i === bad) this.#bad++;
      return i === bad ? { text, fields: NESTED } : { text };
    });
    const before = this.#callers.get(caller) ?? Promise.resolve();
    this.#callers.set(
      caller,
      before.then(() => this.#send(caller, batch)),
    );
  }

  giveUp(caller: number): void {
    this.#stops.get(caller)?.abort();
  }

  async #send(caller: number, batch: readonly Sent[]): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(caller, stop);
    const refused: string[] = [];
    try {
      await this.output.write(batchOf(...batch), stop.signal);
    } catch (error) {
      if (stop.signal.aborted) {
        for (const { text } of batch) this.#givenUp.add(text);
        return;
      }
      if (!(error instanceof EventsRefused)) throw error;
      refused.push(...error.refused.map(({ index }) => batch[index]!.text));
    }
    const arrived = new Set(this.scene.texts);
    for (const { text, fields } of batch)
      if (fields === undefined ? !arrived.has(text) : !refused.includes(text)) this.#faults.push(`lost ${text}`);
    if (refused.length > batch.filter(({ fields }) => fields !== undefined).length)
      this.#faults.push(`refused ${refused.join()}`);
  }

  /** All is well again. */
  async finish(): Promise<void> {
    const { hec, ports } = this.scene;
    hec.indexing.held = false;
    hec.indexing.index();
    hec.tokens.set(TOKEN, { ack: this.ack });
    for (const { faults } of ports) {
      faults.outage = false;
      faults.state = 'well';
      faults.maxBodyBytes = Infinity;
      faults.release();
    }
    await this.scene.settled(Promise.all(this.#callers.values()), 2000);
  }

  faults(): string[] {
    const arrived = this.scene.texts as string[];
    const once = new Set(arrived);
    // Once more when it stood ahead of one that was refused; and when it was waited for while one was, whose body may have been given the same number.
    const most = 1 + (this.scene.hec.takesAhead ? 1 : 0) + (this.ack ? this.#bad : 0);
    const often = [...once].filter((text) => arrived.filter((other) => other === text).length > most);
    return [
      ...this.#faults,
      ...(this.doubts ? [] : often.map((text) => `too often: ${text}`)),
      ...(this.ack ? [] : [...this.#callers.keys()].flatMap((caller) => this.#disorder(caller, [...once]))),
    ];
  }

  #disorder(caller: number, arrived: readonly string[]): string[] {
    const numbers = arrived
      .filter((text) => text.startsWith(`${caller} `) && !this.#givenUp.has(text))
      .map((text) => parseInt(text.split(' ')[1]!));
    return numbers.every((n, i) => i === 0 || n > numbers[i - 1]!) ? [] : [`caller ${caller}: ${numbers.join()}`];
  }
}

type Step = (model: Model, port: Port) => Promise<void> | void;
const named = (name: string, step: Step): Step => Object.assign(step, { toString: () => name });
const doubtful = (name: string, step: Step): Step =>
  named(name, (model, port) => {
    model.doubts = true;
    return step(model, port);
  });

const write = fc
  .record({
    caller: fc.nat(3),
    events: fc.integer({ min: 1, max: 12 }),
    bad: fc.option(fc.nat(30), { nil: undefined }),
  })
  .map(({ caller, events, bad }) =>
    named(`write ${caller} ${events} bad ${bad}`, (model) => model.write(caller, events, bad)),
  );
const giveUp = fc.nat(3).map((caller) => named(`give up ${caller}`, (model) => model.giveUp(caller)));
const pass = fc
  .integer({ min: 1, max: 20_000 })
  .map((ms) => named(`pass ${ms}`, ({ scene }) => scene.until(() => true).then(() => scene.clock.advance(ms))));
const moment = fc.constant(named('moment', () => new Promise((resolve) => setTimeout(resolve, 3))));
const answers = fc
  .record({ times: fc.integer({ min: 1, max: 4 }), code: fc.constantFrom(8, 9, 18, 23, 26, 4, 1) })
  .map(({ times, code }) => named(`code ${code} x${times}`, (_, { faults }) => faults.refuse(times, { code: code })));
const breaks = fc
  .record({ bytes: fc.nat(900), kind: fc.constantFrom('request', 'answer', 'lost', 'cut') })
  .map(({ bytes, kind }) =>
    doubtful(`${kind} ${bytes}`, (_, { faults, cut }) => {
      if (kind === 'lost') faults.loseAnswers(1);
      else if (kind === 'cut') cut();
      else faults.cutAfter(bytes, kind);
    }),
  );
const away = fc.constantFrom('outage', 'back', 'busy', 'near capacity', 'small', 'large').map((kind) =>
  (kind === 'outage' ? doubtful : named)(kind, (_, { faults, cut }) => {
    if (kind === 'outage' || kind === 'back') faults.outage = kind === 'outage';
    else if (kind === 'small' || kind === 'large') faults.maxBodyBytes = kind === 'small' ? 600 : Infinity;
    else faults.state = kind;
    if (kind === 'back') faults.state = 'well';
    if (kind === 'outage') cut();
  }),
);
const index = fc.constantFrom('hold', 'index', 'drop', 'mute', 'crash', 'forget', 'ack lost', 'ack away').map((kind) =>
  doubtful(`ack ${kind}`, ({ scene: { hec } }, { faults }) => {
    if (kind === 'hold') hec.indexing.held = true;
    else if (kind === 'index') {
      hec.indexing.held = false;
      hec.indexing.index();
    } else if (kind === 'drop' || kind === 'mute') hec.indexing[kind](1);
    else if (kind === 'crash') hec.crash();
    else if (kind === 'forget') for (const indexer of hec.indexers) indexer.forget();
    else if (kind === 'ack lost') faults.loseAnswers(1, 'ack');
    else faults.refuse(2, { code: 9 }, 'ack');
  }),
);

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: write },
    { weight: 1, arbitrary: giveUp },
    { weight: 4, arbitrary: pass },
    { weight: 6, arbitrary: moment },
    { weight: 2, arbitrary: answers },
    { weight: 2, arbitrary: breaks },
    { weight: 1, arbitrary: away },
    { weight: 2, arbitrary: index },
  ),
  { minLength: 1, maxLength: 40 },
);

const RUNS = Number(process.env['KINLOG_RUNS'] ?? 40);

test.each([
  ['without acknowledgement', false, 1],
  ['with acknowledgement', true, 1],
  ['with acknowledgement, behind a load balancer', true, 3],
] as const)('%s it holds for any schedule of faults', { timeout: 300_000 }, async (_, ack, indexers) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 }), fc.boolean(), steps, async (ports, takesAhead, list) => {
      const scene = await HecScene.open(ports, { tokens: { [TOKEN]: { ack } }, indexers });
      scene.hec.takesAhead = takesAhead;
      const model = new Model(scene, ack);
      try {
        for (const [turn, step] of list.entries()) await step(model, scene.ports[turn % ports]!);
        await model.finish();
        expect(model.faults()).toEqual([]);
      } finally {
        await scene.close();
      }
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 120_000, markInterruptAsFailure: true },
  );
});
