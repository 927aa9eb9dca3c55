/** Which shards a reader takes, asks for, or takes by force, from what the rows show. Pure. */
import type { StoredRow } from '../checkpoint/store.ts';

export interface AssignInput {
  readonly me: string;
  /** Every row of the stream. */
  readonly rows: Iterable<StoredRow>;
  /** Ids of the shards that this reader could read now. */
  readonly readable: ReadonlySet<string>;
  /** The owner has shown a sign of life not long ago. */
  readonly lives: (owner: string) => boolean;
  /** Nobody has taken it though everybody had the time. */
  readonly overdue: (row: StoredRow) => boolean;
  /** Asked for by this reader, and not handed over though its owner had the time. */
  readonly denied: (row: StoredRow) => boolean;
  readonly random: () => number;
  /** One reader has every shard, and the others stand aside. */
  readonly alone?: boolean;
}

export interface Assignment {
  /** Rows without an owner that lives. */
  readonly take: readonly StoredRow[];
  /** Rows whose owner lives but did not hand over. */
  readonly steal: readonly StoredRow[];
  /** Rows whose owner, busier than this reader, is asked to hand over. */
  readonly ask: readonly StoredRow[];
  /** The reader for which this one has to stand aside. */
  readonly aside?: string;
  /** A reader that reads beside this one, though it is told to have every shard. */
  readonly beside?: string;
  /** Whoever has `take` may have more. */
  readonly more?: boolean;
}

/**
 * - A shard counts for the reader that will have it: the one that asked, otherwise the owner.
 * - Free shards are taken up to a fair share; one that stays free for long is taken by whoever sees it.
 * - Afterwards the busiest reader is asked for one shard after the other while it would still have at least as many as this one. Every such move makes
 *   the loads more equal, so the moves of all readers together come to an end.
 * - The choice among shards is random, so that readers that start together rarely want the same one.
 */
export function assign(input: AssignInput): Assignment {
  const { me, readable, lives, overdue, denied } = input;
  const unfinished = [...input.rows].filter((row) => row.position.kind !== 'end');
  const free = unfinished.filter((row) => readable.has(row.shardId) && !(row.owner !== undefined && lives(row.owner)));
  const held = new Map<string, StoredRow[]>([[me, []]]);
  for (const row of unfinished) {
    if (row.owner === undefined || !lives(row.owner)) continue;
    const holder = row.successor ?? row.owner;
    const rows = held.get(holder);
    if (rows === undefined) held.set(holder, [row]);
    else rows.push(row);
  }
  if (input.alone === true) return alone(input, free, held);
  const loads = new Map([...held].map(([reader, rows]) => [reader, rows.length]));
  const total = free.length + [...loads.values()].reduce((sum, load) => sum + load, 0);
  const share = Math.ceil(total / loads.size);
  const take: StoredRow[] = [];
  for (const row of shuffled(free, input.random))
    if (loads.get(me)! + take.length < share || overdue(row)) take.push(row);
  loads.set(me, loads.get(me)! + take.length);
  const steal = held.get(me)!.filter((row) => row.owner !== me && readable.has(row.shardId) && denied(row));
  return { take, steal, ask: asked(input, held, loads) };
}

/** Of the readers that live, the one with the most shards reads, and of equals the first by name. Nobody asks for a shard, so that a reader that shares and one that
 *  does not never hand the same shards to and fro. Who begins takes one shard, the same as all others that begin at that moment, and more only when it has that:
 *  else each of them would read some for a while. */
function alone(
  { me, readable }: AssignInput,
  free: readonly StoredRow[],
  held: ReadonlyMap<string, readonly StoredRow[]>,
): Assignment {
  const [[first, mine], second] = [...held].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1)) as [
    [string, readonly StoredRow[]],
    [string, unknown]?,
  ];
  const none = { take: [], steal: [], ask: [] };
  if (first !== me) return { ...none, aside: first };
  if (mine.length > 0) return { ...none, take: free, ...(second === undefined ? {} : { beside: second[0] }) };
  const [begin] = [...readable].sort();
  return { ...none, take: free.filter(({ shardId }) => shardId === begin), more: true };
}

function asked(
  { me, readable, random }: AssignInput,
  held: ReadonlyMap<string, readonly StoredRow[]>,
  loads: Map<string, number>,
): StoredRow[] {
  const ask: StoredRow[] = [];
  const askable = new Map(
    [...held]
      .filter(([reader]) => reader !== me)
      .map(([reader, rows]) => [
        reader,
        shuffled(
          rows.filter(
            (row) =>
              row.owner === reader && row.successor === undefined && readable.has(row.shardId) && row.foreign !== true,
          ),
          random,
        ),
      ]),
  );
  for (;;) {
    const busiest = [...askable]
      .filter(([, rows]) => rows.length > 0)
      .sort(([a], [b]) => loads.get(b)! - loads.get(a)!)[0];
    if (busiest === undefined || loads.get(busiest[0])! <= loads.get(me)! + 1) return ask;
    const [reader, rows] = busiest;
    ask.push(rows.pop()!);
    loads.set(reader, loads.get(reader)! - 1);
    loads.set(me, loads.get(me)! + 1);
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
