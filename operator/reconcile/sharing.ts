/** LogStreams that keep their positions in the same rows: only those that do the same with the events may, else each output would get a part of the stream. Whoever came first goes on. */
import { haveSameRows, haveSameStream, placeOf, type Place } from '../desired/place.ts';
import type { Cache } from '../kube/cache.ts';
import { keyOf } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import { digest } from './drift.ts';
import type { Problem } from './facts.ts';

const REASON = 'PositionsShared';

interface Claim {
  readonly key: string;
  readonly stream: LogStream;
  readonly place: Place;
  /** Of the place and of what becomes of the events. A Secret of the same name in another namespace is another one. */
  readonly terms: string;
}

export class Sharing {
  /** By store and key: of every LogStream that there is, paused ones too. */
  readonly #claims = new Map<string, Map<string, Claim>>();
  /** Terms on which a pass has let a LogStream read, by its uid. */
  readonly #granted = new Map<string, string>();
  readonly #onNews: (key: string) => void;

  /** To be made before the cache is filled. `onNews`: the LogStream of this key is to be looked at. */
  constructor(cache: Cache<LogStream>, onNews: (key: string) => void) {
    this.#onNews = onNews;
    cache.onChange(({ type, object, before, initial }) => {
      const [was, is] = [before && claimOf(before), type === 'deleted' ? undefined : claimOf(object)];
      if (was !== undefined) this.#drop(was);
      if (is !== undefined) this.#keep(is);
      if (type === 'deleted') this.#granted.delete(object.metadata.uid!);
      // After the first listing every LogStream is looked at anyway.
      if (!initial && was?.terms !== is?.terms) this.#tell(was, is);
    });
  }

  /** Why the reader can not keep its positions where the LogStream says; without a reason they are its from now on. */
  grant(stream: LogStream): Problem | undefined {
    const own = claimOf(stream);
    if (own === undefined) return undefined;
    const first = this.#inTheWay(own);
    if (first === undefined) this.#granted.set(stream.metadata.uid!, own.terms);
    else this.#granted.delete(stream.metadata.uid!);
    return first === undefined ? undefined : { reason: REASON, message: messageOf(own, first) };
  }

  /** The key of another LogStream whose positions are in the same rows and shall stay. */
  keeperBeside(stream: LogStream): string | undefined {
    const own = claimOf(stream);
    const others = own === undefined ? [] : this.#others(own);
    return others.find((other) => !isRefused(other.stream) && !isGoing(other.stream))?.key;
  }

  #inTheWay(own: Claim): Claim | undefined {
    const standing = this.#rankOf(own);
    const earlier = this.#others(own)
      .map((claim) => ({ claim, rank: this.#rankOf(claim) }))
      .filter(({ rank }) => rank < standing)
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    const granted: Claim[] = [];
    for (const { claim } of earlier) if (granted.every((one) => agree(one, claim))) granted.push(claim);
    return granted.find((claim) => !agree(claim, own));
  }

  /** The smallest comes first: whoever reads there already, then by age; last whoever was refused before this process began. */
  #rankOf({ stream, terms, key }: Claim): string {
    const { uid, creationTimestamp } = stream.metadata;
    const standing = this.#granted.get(uid!) === terms ? 0 : isRefused(stream) ? 2 : 1;
    return [standing, creationTimestamp, key].join(' ');
  }

  #others(own: Claim): Claim[] {
    const there = [...(this.#claims.get(own.place.store)?.values() ?? [])];
    return there.filter((other) => other.key !== own.key && haveSameRows(other.place, own.place));
  }

  #tell(was: Claim | undefined, is: Claim | undefined): void {
    const concerned = [was, is].flatMap((claim) => (claim === undefined ? [] : this.#others(claim)));
    for (const key of new Set(concerned.map((claim) => claim.key))) this.#onNews(key);
  }

  #keep(claim: Claim): void {
    const claims = this.#claims.get(claim.place.store) ?? new Map<string, Claim>();
    this.#claims.set(claim.place.store, claims.set(claim.key, claim));
  }

  #drop({ place, key }: Claim): void {
    const claims = this.#claims.get(place.store);
    claims?.delete(key);
    if (claims?.size === 0) this.#claims.delete(place.store);
  }
}

/** Undefined for what a newer or an older CRD lets through; a pass over it says what is wrong. */
function claimOf(stream: LogStream): Claim | undefined {
  const { outputs, format } = stream.spec;
  try {
    const place = placeOf(stream);
    const terms = digest([place.store, place.holds, stream.metadata.namespace, outputs, format ?? {}]);
    return { key: keyOf(stream), stream, place, terms };
  } catch {
    return undefined;
  }
}

/** Several readers of the same stream that do the same are one that is scaled out. */
function agree(a: Claim, b: Claim): boolean {
  return a.place.holds !== 'process' && a.terms === b.terms && haveSameStream(a.place, b.place);
}

const isRefused = ({ status }: LogStream): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'ConfigValid' && reason === REASON) === true;

const isGoing = ({ metadata, spec }: LogStream): boolean =>
  metadata.deletionTimestamp !== undefined && spec.deletionPolicy === 'Delete';

function messageOf({ place }: Claim, first: Claim): string {
  const whose = `${place.field}: ${place.name} has the positions of LogStream ${first.key}`;
  if (place.holds === 'process') return `${whose}, and one reader alone can have it open. Name another one.`;
  const isOneTable = place.holds === 'all' || first.place.holds === 'all';
  const isSame = haveSameStream(place, first.place);
  if (isOneTable && !(isSame && place.holds === first.place.holds))
    return `${whose}, and with keys: Shard those of one stream. Name another table, or set keys: Stream in both.`;
  if (!isSame) return `${whose}, which reads another stream of the same name. Name another place for these.`;
  return (
    `${whose}, which reads the same stream for other outputs: each would get a part of the events. ` +
    'Name another place for these; or, to share the work, give both the same outputs and format in one namespace.'
  );
}
