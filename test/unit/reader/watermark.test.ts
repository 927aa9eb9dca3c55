/** The watermark by example: order of acceptance, pieces of aggregates, records held back. */
import { expect, test } from 'vitest';
import type { Position } from '../../../reader/checkpoint/position.ts';
import { Watermark } from '../../../reader/checkpoint/watermark.ts';

const at = (sequence: number, subSequence = 0, partial = false): Position => ({
  kind: 'after',
  sequenceNumber: String(sequence),
  subSequence,
  partial,
});
const START = { kind: 'horizon' } as const;

test('the position moves with acceptances in order and tells the arrival of the last accepted record', () => {
  const watermark = new Watermark(START);
  const first = watermark.open(at(10), 1000);
  const second = watermark.open(at(20), 2000);
  expect(watermark.position).toEqual(START);
  expect(watermark.arrivalMs).toBe(0);
  expect(watermark.accept(first)).toBe(true);
  expect(watermark.position).toEqual(at(10));
  expect(watermark.arrivalMs).toBe(1000);
  expect(watermark.settled).toBe(false);
  expect(watermark.accept(second)).toBe(true);
  expect(watermark.position).toEqual(at(20));
  expect(watermark.arrivalMs).toBe(2000);
  expect(watermark.settled).toBe(true);
});

test('a position never passes a run that is still open', () => {
  const watermark = new Watermark(START);
  const [a, b, c] = [watermark.open(at(1), 1), watermark.open(at(2), 2), watermark.open(at(3), 3)];
  expect(watermark.accept(c)).toBe(false);
  expect(watermark.accept(b)).toBe(false);
  expect(watermark.position).toEqual(START);
  expect(watermark.opened).toEqual(at(3));
  expect(watermark.accept(a)).toBe(true);
  expect(watermark.position).toEqual(at(3));
});

test('a record that is held back keeps the position in front of it, however much is accepted behind it', () => {
  const watermark = new Watermark(START);
  const before = watermark.open(at(4), 4);
  const held = watermark.open(at(5), 5);
  for (let n = 6; n < 1000; n++) watermark.accept(watermark.open(at(n), n));
  watermark.accept(before);
  expect(watermark.position).toEqual(at(4));
  const open = watermark.open(at(2000), 2000);
  watermark.accept(held);
  expect(watermark.position).toEqual(at(999));
  expect(watermark.arrivalMs).toBe(999);
  watermark.accept(open);
  expect(watermark.position).toEqual(at(2000));
});

test('a batch that ends inside an aggregate leaves the position at its last complete user record', () => {
  const watermark = new Watermark(START);
  watermark.accept(watermark.open(at(7, 2, true), 7));
  expect(watermark.position).toEqual(at(7, 2, true));
  watermark.accept(watermark.open(at(7, 9), 7));
  expect(watermark.position).toEqual(at(7, 9));
});

test('a batch that completes no record does not move the position but holds up what follows', () => {
  const watermark = new Watermark(at(3), 3);
  const piece = watermark.open(at(3), 3);
  const rest = watermark.open(at(4), 4);
  expect(watermark.accept(rest)).toBe(false);
  expect(watermark.position).toEqual(at(3));
  expect(watermark.accept(piece)).toBe(true);
  expect(watermark.position).toEqual(at(4));
  expect(watermark.accept(watermark.open(at(4), 4))).toBe(false);
});

test('the last user record of an aggregate can turn out to be the last one later', () => {
  const watermark = new Watermark(at(7, 2, true), 7);
  expect(watermark.accept(watermark.open(at(7, 2), 7))).toBe(true);
  expect(watermark.position).toEqual(at(7, 2));
});

test('the end of a shard counts only after everything in it', () => {
  const watermark = new Watermark(START);
  const last = watermark.open(at(9), 9);
  const end = watermark.open({ kind: 'end' }, 9);
  watermark.accept(end);
  expect(watermark.position).toEqual(START);
  watermark.accept(last);
  expect(watermark.position).toEqual({ kind: 'end' });
});

test('accepting twice changes nothing', () => {
  const watermark = new Watermark(START);
  const [a, b] = [watermark.open(at(1), 1), watermark.open(at(2), 2)];
  watermark.accept(b);
  expect(watermark.accept(b)).toBe(false);
  watermark.accept(a);
  expect(watermark.accept(a)).toBe(false);
  expect(watermark.accept(b)).toBe(false);
  expect(watermark.position).toEqual(at(2));
});

test('accepting twice does not lose the run that was opened in between', () => {
  const watermark = new Watermark(START);
  const [a, b, c] = [watermark.open(at(1), 1), watermark.open(at(2), 2), watermark.open(at(3), 3)];
  watermark.accept(b);
  watermark.accept(c);
  const d = watermark.open(at(4), 4);
  watermark.accept(c);
  watermark.accept(a);
  expect(watermark.position).toEqual(at(3));
  expect(watermark.settled).toBe(false);
  expect(watermark.accept(d)).toBe(true);
  expect(watermark.position).toEqual(at(4));
});

test('a shard that goes back is a fault', () => {
  const watermark = new Watermark(at(100));
  watermark.open(at(101), 1);
  expect(() => watermark.open(at(100), 1)).toThrow(expect.objectContaining({ code: 'KINLOG_UNEXPECTED' }));
  expect(() => watermark.open(at(99), 1)).toThrow(expect.objectContaining({ code: 'KINLOG_UNEXPECTED' }));
});
