/** The tree of shards as lines for a terminal. */
import type { ShardNode, ShardTree } from './shards-tree.ts';
import { ageText, plain, tableText } from './table.ts';

const LINES = {
  utf8: { more: '├─ ', last: '└─ ', through: '│  ', none: '   ' },
  ascii: { more: '|- ', last: '`- ', through: '|  ', none: '   ' },
} as const;

export interface DrawOptions {
  readonly ascii: boolean;
  /** Whether positions are known. */
  readonly stored: boolean;
  readonly nowMs: number;
}

export function drawTree(tree: ShardTree, options: DrawOptions): string {
  const head = [
    'SHARD',
    '',
    'RANGE',
    ...(options.stored ? ['STATE', 'OWNER', 'LAST RECORD', 'READ TO', 'POSITION'] : []),
  ];
  const lines = tree.nodes.map((node) => [
    `${branch(node, options)}${plain(node.shardId)}`,
    node.open ? 'open' : 'closed',
    `${node.percent.toFixed(node.percent < 0.1 && node.percent > 0 ? 4 : 1)} %`,
    ...(options.stored ? stored(node, options.nowMs) : []),
    notes(node),
  ]);
  return `${tableText([...head, ''], lines)}${remarks(tree, options.stored)}`;
}

function branch({ depth, follows }: ShardNode, { ascii }: DrawOptions): string {
  if (depth === 0) return '';
  const { more, last, through, none } = LINES[ascii ? 'ascii' : 'utf8'];
  const above = follows.slice(1, -1).map((goesOn) => (goesOn ? through : none));
  return `${above.join('')}${follows.at(-1) === true ? more : last}`;
}

function stored({ state, owner, arrivalMs, readToMs, position }: ShardNode, nowMs: number): string[] {
  return [state ?? '-', owner ?? '-', ageText(arrivalMs, nowMs), ageText(readToMs, nowMs), position ?? '-'];
}

function notes({ parents, waitsFor }: ShardNode): string {
  const merge = parents.length > 1 ? [`merged from ${parents.join(' and ')}`] : [];
  const waits = waitsFor === undefined ? [] : [`waits for ${waitsFor.join(' and ')}`];
  return [...merge, ...waits].join('; ');
}

/** What needs a look; empty when nothing does. */
function remarks(tree: ShardTree, known: boolean): string {
  const unread =
    known && tree.nodes.some(({ state }) => state !== 'unread')
      ? tree.nodes.filter(({ open, state }) => open && state === 'unread')
      : [];
  const lines = [
    ...tree.gone.map(({ shardId, position, unread: lost }) =>
      lost
        ? `${shardId} is gone from the stream at ${position}: what it still held has aged out`
        : `${shardId} is gone from the stream, read to its end`,
    ),
    ...tree.holes.map(({ from, to }) => `no open shard takes the hash keys ${from} to ${to}`),
    ...tree.overlaps.map(([a, b]) => `${a} and ${b} are open and take the same hash keys`),
    ...unread.map(
      ({ shardId }) => `${shardId} is open and has no position yet: a running reader gives it one within half a minute`,
    ),
  ];
  return lines.length === 0 ? '' : `\n${lines.map((line) => `! ${plain(line)}\n`).join('')}`;
}
