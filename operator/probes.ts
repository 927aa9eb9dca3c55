/** What the kubelet is told of the operator: whether it lives, and whether it knows the cluster. */
import type { Clock } from '../base/clock.ts';
import { text, type Pages } from '../cli/status-server.ts';
import type { SeenRequest } from './kube/client.ts';
import { GROUP, PLURAL } from './logstream.ts';

/** An API server that is away so long makes the operator unready; shorter outages are none of its business. */
const PATIENCE_MS = 60_000;

export interface Probed {
  /** What the caches still lack; empty once each has been filled. */
  readonly unsynced: readonly string[];
  /** LogStreams whose pass hangs. */
  readonly stuck: readonly string[];
}

export class Probes {
  readonly #clock: Clock;
  /** Since when no request was answered, monotonic milliseconds; undefined while they are. */
  #awaySinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told of each request. */
  request({ status }: Pick<SeenRequest, 'status'>): void {
    if (status > 0 && status < 500 && status !== 429) this.#awaySinceMs = undefined;
    else this.#awaySinceMs ??= this.#clock.monotonic();
  }

  pages(probed: () => Probed): Pages {
    return {
      // That it is answered shows that the process turns.
      '/healthz': () => {
        const { stuck } = probed();
        return stuck.length === 0 ? text(200, 'ok') : text(500, `hangs in ${stuck.slice(0, 10).join(', ')}`);
      },
      '/readyz': () => {
        const why = this.#notReady(probed());
        return why === undefined ? text(200, 'ok') : text(503, why);
      },
    };
  }

  #notReady({ unsynced }: Probed): string | undefined {
    if (unsynced.length > 0) {
      const hint = unsynced.some((what) => what.startsWith(PLURAL))
        ? ` (is the CRD ${PLURAL}.${GROUP} installed?)`
        : '';
      return `not listed yet: ${unsynced.join(', ')}${hint}`;
    }
    const away = this.#awaySinceMs === undefined ? 0 : this.#clock.monotonic() - this.#awaySinceMs;
    return away > PATIENCE_MS ? `the API server has not answered for ${Math.round(away / 1000)} s` : undefined;
  }
}
