/** What stands in the way now and not only when it was said: failures by what they are about, from the log lines that begin and end them. */
import { partOf, type ErrorPart } from '../base/error-parts.ts';
import { ERRORS, type DescribedError, type ErrorCode } from '../base/errors.ts';

export interface StandingError extends DescribedError {
  readonly part: ErrorPart;
  /** RFC 3339. */
  readonly since: string;
}

interface Entry {
  readonly error: DescribedError;
  readonly part: ErrorPart;
  /** Wall-clock milliseconds, as everything here. */
  readonly sinceMs: number;
  readonly saidMs: number;
  /** So long after it was last said it is over, because it would have been said again. */
  readonly lastsMs: number;
}

export interface Begun {
  readonly error: DescribedError;
  readonly part?: ErrorPart;
  readonly lastsMs?: number;
}

export class StandingErrors {
  readonly #entries = new Map<string, Entry>();

  /** `key`: what it is about, such as a shard; one error each. Said again with the same code it stands since it was first said. */
  begin(key: string, { error, part = partOf(error), lastsMs = Infinity }: Begun, nowMs: number): void {
    const before = this.#entries.get(key);
    const sinceMs = before?.error.code === error.code ? before.sinceMs : nowMs;
    this.#entries.set(key, { error, part, sinceMs, saidMs: nowMs, lastsMs });
  }

  end(key: string): void {
    this.#entries.delete(key);
  }

  endAll(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** One for each part and code, with how many more there are of it; `counts`: of those that are told. */
  list(nowMs: number, counts: (key: string) => boolean = () => true): StandingError[] {
    const groups = new Map<string, Entry[]>();
    for (const [key, entry] of this.#entries) {
      if (entry.saidMs + entry.lastsMs < nowMs) this.#entries.delete(key);
      else if (counts(key)) {
        const group = `${entry.part} ${entry.error.code}`;
        groups.set(group, [...(groups.get(group) ?? []), entry]);
      }
    }
    return [...groups.values()].map(told);
  }
}

function told(entries: readonly Entry[]): StandingError {
  const { error, part } = entries[0]!;
  const more = entries.length === 1 ? '' : `; and ${entries.length - 1} more`;
  const sinceMs = Math.min(...entries.map((entry) => entry.sinceMs));
  const { code, message, remedy } = error;
  return { part, code, message: `${message}${more}`, remedy, since: new Date(sinceMs).toISOString() };
}

export function errorOf(code: ErrorCode, message: string, remedy: string = ERRORS[code].remedy): DescribedError {
  return { code, message, remedy };
}
