/** The law of the HEC output, whatever its servers and their callers do: nothing is lost, nothing comes twice that no fault explains, the events of a caller
 *  keep their order without acknowledgement, and only events that Splunk will never take are refused, each by its name. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventsRefused, type Output } from '../../reader/output/output.ts';
import { batchOf, HecScene, never, type Sent } from '../faults/hec-scene.ts';
import { TOKEN, type Port } from '../fakes/hec/hec.ts';

const NESTED = '{"a":{"b":1}}';

class Model {
  readonly scene: HecScene;
  readonly output: Output;
  readonly ack: boolean;
  /** Something happened after which an event may rightly come twice. */
  doubts = false;
  readonly #callers = new Map<number, Promise<void>>();
  readonly #good: string[] = [];
  readonly #bad: string[] = [];
  readonly #refused: string[] = [];

  constructor(scene: HecScene, ack: boolean) {
    this.scene = scene;
    this.ack = ack;
    const limits = { maxBodyBytes: 1200, maxInFlight: 3, maxUnackedBytes: 5000, ackTimeoutMs: 60_000 };
    this.output = scene.output({ ack, ...limits });
  }

  /** Each caller writes its batches one after the other; `bad`: which event of the batch is one. */
  write(caller: number, events: number, bad: number | undefined): void {
    const batch = Array.from({ length: events }, (_, i): Sent => {
      const known = i === bad ? this.#bad : this.#good;
      const text = `${caller} ${this.#good.length + this.#bad.length}${'x'.repeat((i * 97) % 300)}`;
      known.push(text);
      return i === bad ? { text, fields: NESTED } : { text };
    });
    const before = this.#callers.get(caller) ?? Promise.resolve();
    this.#callers.set(
      caller,
      before.then(() => this.#send(batch)),
    );
  }

  async #send(batch: readonly Sent[]): Promise<void> {
    try {
      await this.output.write(batchOf(...batch), never);
    } catch (error) {
      if (!(error instanceof EventsRefused)) throw error;
      this.#refused.push(...error.refused.map(({ index }) => batch[index]!.text));
    }
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
    const lost = this.#good.filter((text) => !once.has(text));
    const twice = arrived.length - once.size;
    return [
      ...lost.map((text) => `lost ${text}`),
      ...(twice > 0 && !this.doubts ? [`${twice} came twice`] : []),
      ...(this.#refused.sort().join() === this.#bad.sort().join() ? [] : [`refused ${this.#refused.join()}`]),
      ...(this.ack ? [] : [...this.#callers.keys()].flatMap((caller) => this.#disorder(caller, [...once]))),
    ];
  }

  #disorder(caller: number, arrived: readonly string[]): string[] {
    const numbers = arrived
      .filter((text) => text.startsWith(`${caller} `))
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
      model.doubts = takesAhead;
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
