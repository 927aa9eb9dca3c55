/** How the parts of a body that was not taken as a whole go on: without an event, in halves, or each batch by itself, later. Pure. */
import type { Group, Part } from './hec-write.ts';

/** All but one event. What is ahead of it was read, and may have been taken: by itself it is sent only once more, however many follow that are refused too.
 *  What is behind goes in halves when it is much more, so that a body of nothing else is not sent in full for each of them. */
export function without(parts: readonly Part[], guilty: Part, index: number): Part[] {
  const at = parts.indexOf(guilty);
  const ahead = [...parts.slice(0, at), { ...guilty, to: index }];
  const behind = [{ ...guilty, from: index + 1 }, ...parts.slice(at + 1)];
  const dense = eventsIn(ahead) * 4 < eventsIn(behind);
  return [...inGroup(ahead, { notBefore: 0 }), ...(dense ? halves(behind) : inGroup(behind, { notBefore: 0 }))];
}

/** An event, and what follows of its batch, waits until its time comes. What is ahead goes by itself: it may have been taken, and would be again with every try. */
export function heldFrom(parts: readonly Part[], guilty: Part, index: number, notBefore: number): Part[] {
  const at = parts.indexOf(guilty);
  const ahead = [...parts.slice(0, at), { ...guilty, to: index }];
  const behind = [{ ...guilty, from: index }, ...parts.slice(at + 1)];
  const mine = behind.filter(({ write }) => write === guilty.write);
  const others = behind.filter(({ write }) => write !== guilty.write);
  return [
    ...inGroup(ahead, { notBefore: 0 }),
    ...inGroup(mine, { notBefore }),
    ...others.map(({ group: _group, ...rest }) => rest),
  ];
}

const eventsIn = (parts: readonly Part[]): number => parts.reduce((sum, { from, to }) => sum + to - from, 0);

const inGroup = (parts: readonly Part[], group: Group): Part[] => parts.map((part) => ({ ...part, group }));

/** The same events in two bodies. */
export function halves(parts: readonly Part[]): Part[] {
  const half = eventsIn(parts) >>> 1;
  const groups: readonly [Group, Group] = [{ notBefore: 0 }, { notBefore: 0 }];
  let before = 0;
  return parts.flatMap((part) => {
    const border = Math.min(Math.max(part.from + half - before, part.from), part.to);
    before += part.to - part.from;
    return [
      { ...part, to: border, group: groups[0] },
      { ...part, from: border, group: groups[1] },
    ];
  });
}

/** Each batch goes by itself. */
export function eachApart(parts: readonly Part[]): Part[] {
  const groups = new Map(parts.map(({ write }) => [write, { notBefore: 0 }]));
  return parts.map((part) => ({ ...part, group: groups.get(part.write)! }));
}
