/** Writes of one row take turns, and only those of one row. */
import { expect, it } from 'vitest';
import { RowTurns } from '../../../reader/checkpoint/row-turns.ts';

/** Work that ends when it is told to, and a list of what has begun. */
function works(): { begun: string[]; work: (name: string) => () => Promise<string>; end: Record<string, () => void> } {
  const begun: string[] = [];
  const end: Record<string, () => void> = {};
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve, reject) => {
      end[name] = () => (name.startsWith('bad') ? reject(new Error(name)) : resolve(name));
    });
  };
  return { begun, work, end };
}

const turn = () => new Promise(setImmediate);

it('a write begins when the one before it has ended, though that one failed', async () => {
  const turns = new RowTurns();
  const { begun, work, end } = works();
  const bad = turns.take('row', work('bad'));
  const second = turns.take('row', work('second'));
  const third = turns.take('row', work('third'));
  await turn();
  expect(begun).toEqual(['bad']);
  end['bad']!();
  await expect(bad).rejects.toThrow('bad');
  await turn();
  expect(begun).toEqual(['bad', 'second']);
  end['second']!();
  await expect(second).resolves.toBe('second');
  await turn();
  end['third']!();
  await expect(third).resolves.toBe('third');
});

it('a write of another row does not wait', async () => {
  const turns = new RowTurns();
  const { begun, work, end } = works();
  const both = [turns.take('row', work('one')), turns.take('other', work('two'))];
  await turn();
  expect(begun).toEqual(['one', 'two']);
  end['one']!();
  end['two']!();
  await Promise.all(both);
});

it('has ended when the last write has, well or not', async () => {
  const turns = new RowTurns();
  const { work, end } = works();
  const bad = turns.take('row', work('bad'));
  const last = turns.take('row', work('last'));
  let ended = false;
  const waiting = turns.ended().then(() => (ended = true));
  await turn();
  end['bad']!();
  await expect(bad).rejects.toThrow('bad');
  await turn();
  expect(ended).toBe(false);
  end['last']!();
  await last;
  await waiting;
  await expect(turns.ended()).resolves.toBeUndefined();
});
