/** What the kubelet is told of the operator: whether it lives, and whether it knows the cluster. */
import { text, type Pages } from '../cli/status-server.ts';
import type { Reach } from './kube/reach.ts';
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
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
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
    const away = this.#reach.awayMs;
    return away > PATIENCE_MS ? `the API server has not answered for ${Math.round(away / 1000)} s` : undefined;
  }
}
