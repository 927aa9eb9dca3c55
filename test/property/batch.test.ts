/** The builder of batches against a plain model: whatever its users do in whatever order, a sealed batch shows what they added. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from '../../record/batch.ts';
import { MARK, type EventMeta, type RecordPlace } from '../../record/event.ts';
import { NO_ROW, ROW_LIMIT } from '../../record/meta-table.ts';

interface ModelEvent {
  readonly hex: string;
  readonly timeUs: number;
  readonly meta: EventMeta;
  readonly mark: number;
  readonly fields: string | undefined;
}

interface Place {
  readonly at: number;
  readonly bytes: Buffer;
}

/** What a builder should hold; lists in the order of their coming. */
class Model {
  pieces: Place[] = [];
  events: ModelEvent[] = [];
  records: { place: RecordPlace; first: number }[] = [];
  saves: { id: number; pieces: number; events: ModelEvent[]; records: number; used: number }[] = [];
}

interface Both {
  readonly real: BatchBuilder;
  model: Model;
}

type Step = (both: Both) => void;

const CAPACITY = 20;
const cut = (n: number, size: number) => (size === 0 ? 0 : n % (size + 1));
const sizes = fc.oneof({ weight: 12, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.constant(100_000) });
const page = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), sizes)
  .map(([bytes, size]) => Buffer.alloc(size, bytes));

const load = page.map((bytes): Step => ({ real, model }) => {
  const at = real.load(bytes);
  expect(at).toBeGreaterThan(0);
  model.pieces.push({ at, bytes });
});

/** Takes more than it fills, and gives back the rest. */
const room = fc.tuple(page, fc.nat(300)).map(([bytes, spare]): Step => ({ real, model }) => {
  const at = real.room(bytes.length + spare);
  expect(at).toBeGreaterThan(0);
  real.bytes.set(bytes, at);
  real.trim(at + bytes.length);
  model.pieces.push({ at, bytes });
});

const meta: fc.Arbitrary<EventMeta> = fc.oneof(
  fc.record({ host: fc.constantFrom('', 'a', 'b'), index: fc.constantFrom('', 'a', 'é') }, { requiredKeys: [] }),
  fc.constant({ source: 'x'.repeat(ROW_LIMIT) }),
);

const add = fc
  .tuple(
    fc.nat(),
    fc.nat(),
    fc.nat(),
    fc.oneof(fc.constant(NaN), fc.integer()),
    meta,
    fc.constantFrom(0, MARK.unbroken, MARK.done),
  )
  .map(([which, from, size, timeUs, said, mark]): Step => ({ real, model }) => {
    const piece = model.pieces[which % Math.max(1, model.pieces.length)];
    if (piece === undefined || real.full) return;
    const start = cut(from, piece.bytes.length);
    const end = start + cut(size, piece.bytes.length - start);
    const row = real.meta(said);
    const refused = said.source !== undefined;
    expect(row === NO_ROW).toBe(refused);
    real.add(piece.at + start, piece.at + end, timeUs, row, mark);
    model.events.push({
      hex: piece.bytes.toString('hex', start, end),
      timeUs,
      meta: refused ? {} : Object.fromEntries(Object.entries(said).filter(([, value]) => value !== '')),
      mark: refused ? mark | MARK.undecoded : mark,
      fields: undefined,
    });
  });

const addFields = fc.tuple(fc.nat(), fc.nat(), fc.nat()).map(([which, from, size]): Step => ({ real, model }) => {
  const piece = model.pieces[which % Math.max(1, model.pieces.length)];
  const last = model.events.at(-1);
  // Fields are given with their event: rewinding takes both back.
  if (piece === undefined || last === undefined || last === model.saves.at(-1)?.events.at(-1)) return;
  const start = cut(from, piece.bytes.length);
  const end = start + cut(size, piece.bytes.length - start);
  real.addFields(piece.at + start, piece.at + end);
  model.events[model.events.length - 1] = { ...last, fields: piece.bytes.toString('utf8', start, end) };
});

const record = fc.nat(1000).map((n): Step => ({ real, model }) => {
  const place = { sequenceNumber: String(n), subSequence: n % 3, arrivalMs: n };
  real.record(place);
  model.records.push({ place, first: model.events.length });
});

const save: Step = ({ real, model }) => {
  const { pieces, events, records } = model;
  model.saves.push({
    id: real.save(),
    pieces: pieces.length,
    events: [...events],
    records: records.length,
    used: real.used,
  });
};

/** To any save that no earlier rewinding went back behind. */
const rewind = fc.nat().map((which): Step => ({ real, model }) => {
  const index = which % Math.max(1, model.saves.length);
  const to = model.saves[index];
  if (to === undefined) return;
  real.rewind(to.id);
  expect(real.used).toBe(to.used);
  model.events = [...to.events];
  model.pieces.length = to.pieces;
  model.records.length = to.records;
  model.saves.length = index + 1;
});

const seal: Step = ({ real, model }) => {
  const batch = real.seal();
  expect(batch.records).toEqual(model.records.map(({ place }) => place));
  expect([...batch.firstEvent]).toEqual([...model.records.map(({ first }) => first), model.events.length]);
  expect(
    Array.from(batch, (event, i) => ({
      hex: Buffer.from(event.data).toString('hex'),
      timeUs: batch.timeUs[i],
      meta: event.meta,
      mark: event.mark,
      fields: event.fields,
    })),
  ).toEqual(model.events);
  const valid = model.events.every(({ hex }) => isText(Buffer.from(hex, 'hex')));
  if (batch.validUtf8) expect(valid).toBe(true);
};

const isText = (bytes: Buffer) => Buffer.from(bytes.toString()).equals(bytes);

const reset: Step = (both) => {
  both.real.reset();
  both.model = new Model();
};

test('any sequence of loading, taking room, adding, saving, rewinding, sealing and resetting shows what was added', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: load },
    { weight: 3, arbitrary: room },
    { weight: 8, arbitrary: add },
    { weight: 3, arbitrary: addFields },
    { weight: 3, arbitrary: record },
    { weight: 2, arbitrary: fc.constant(save) },
    { weight: 2, arbitrary: rewind },
    { weight: 2, arbitrary: fc.constant(seal) },
    { weight: 1, arbitrary: fc.constant(reset) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const both: Both = { real: new BatchBuilder(undefined, CAPACITY), model: new Model() };
      for (const run of steps) {
        run(both);
        expect(both.real.length).toBe(both.model.events.length);
        expect(both.real.full).toBe(both.model.events.length >= CAPACITY);
      }
      seal(both);
    }),
    { numRuns: 400 },
  );
});
