/** How the parts of a body that was not taken as a whole go on: without an event, in halves, or each batch by itself. Pure. */
import type { Group, Part } from './hec-write.ts';

/** All but one event. */
export function without(parts: readonly Part[], guilty: Part, index: number): Part[] {
  return parts.flatMap((part) =>
    part === guilty
      ? [
          { ...part, to: index },
          { ...part, from: index + 1 },
        ]
      : [part],
  );
}

/** The same events in two bodies. */
export function halves(parts: readonly Part[]): Part[] {
  const half = parts.reduce((sum, { from, to }) => sum + to - from, 0) >>> 1;
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

/** Each batch that `apart` tells of goes by itself, when its time comes. */
export function eachApart(parts: readonly Part[], apart: (part: Part) => boolean, notBefore: number): Part[] {
  const groups = new Map(parts.map(({ write }) => [write, { notBefore }]));
  return parts.map((part) => {
    const { group: _group, ...rest } = part;
    const group = groups.get(part.write);
    return apart(part) && group !== undefined ? { ...rest, group } : rest;
  });
}
