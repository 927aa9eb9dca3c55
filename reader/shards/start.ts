/** Where reading begins, as a position that a row can hold. Pure. */
import type { StartPosition } from './lineage.ts';

/** Start at the tip means: from this long before the service's clock, so that a clock that is shown to the second loses nothing. */
const TIP_MARGIN_MS = 5_000;

/** `serverTimeMs`: of the service. A time that has not come, stored as a position, would skip what arrives before it while nobody reads; it is the tip. */
export function storedStart(start: { readonly kind: 'tip' } | StartPosition, serverTimeMs: number): StartPosition {
  const isAhead = start.kind === 'tip' || (start.kind === 'timestamp' && start.ms > serverTimeMs);
  return isAhead ? { kind: 'timestamp', ms: serverTimeMs - TIP_MARGIN_MS } : start;
}
