/** Work that only the captain of a search-head cluster does. No fence: for a while two members may take themselves for it, and the leases of the position store keep them apart. */
import { isAbort, type Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { Splunkd } from './splunkd.ts';

export interface CaptainContext {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

type Roles = Pick<Splunkd, 'serverRoles'>;
type Work = (signal: AbortSignal) => Promise<void>;

const ASK_EVERY_MS = 15_000;
/** How long the captain goes on without an answer: through a restart of splunkd, and no longer than members wait before they elect another (server.conf, [shclustering] election_timeout_ms). */
const BELIEF_MS = 60_000;

/** Runs `work` while this host is the captain; when another one is, ends it by its signal, waits for its end, and waits to be the captain again. Settles when the signal aborts or the work ends by itself. Fails as work and splunkd do, and with KINLOG_CONFIG_INVALID on a host without a cluster. */
export async function whileCaptain(splunkd: Roles, context: CaptainContext, work: Work): Promise<void> {
  const { log, signal } = context;
  try {
    do {
      await untilCaptain(splunkd, context);
      log.emit('captain.here');
    } while (await lost(splunkd, context, work));
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
  }
}

/** One term: true when it ended because another member is the captain now. */
async function lost(splunkd: Roles, context: CaptainContext, work: Work): Promise<boolean> {
  const { signal } = context;
  const over = new AbortController();
  const end = () => over.abort();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  const watched = untilLost(splunkd, { ...context, signal: over.signal }).finally(end);
  // Whatever it fails with is told when the work has stored what it accepted.
  watched.catch(() => undefined);
  try {
    await work(over.signal).catch((error: unknown) => {
      if (!over.signal.aborted || !isStop(error)) throw error;
    });
    if (!over.signal.aborted) return false;
    await watched;
    return !signal.aborted;
  } finally {
    end();
    signal.removeEventListener('abort', end);
  }
}

const isStop = (error: unknown): boolean => isAbort(error) || (isKinlogError(error) && isAbort(error.cause));

async function untilCaptain(splunkd: Roles, context: CaptainContext): Promise<void> {
  let told = false;
  while ((await isCaptain(splunkd, context)) !== true) {
    if (!told) context.log.emit('captain.elsewhere');
    told = true;
    await pause(context);
  }
}

async function untilLost(splunkd: Roles, context: CaptainContext): Promise<void> {
  const { clock, log } = context;
  for (let heard = clock.monotonic(); ;) {
    await pause(context);
    const asked = clock.monotonic();
    const captain = await isCaptain(splunkd, context);
    if (captain === false) return;
    if (captain === true) heard = asked;
    else if (clock.monotonic() - heard >= BELIEF_MS) {
      log.emit('captain.unknown', { forMs: Math.round(clock.monotonic() - heard) });
      return;
    }
  }
}

/** Undefined: splunkd does not answer now. */
async function isCaptain(splunkd: Roles, { signal }: CaptainContext): Promise<boolean | undefined> {
  const roles = await splunkd.serverRoles(signal).catch((error: unknown) => {
    if (isKinlogError(error) && error.retry !== 'never') return undefined;
    throw error;
  });
  if (roles === undefined) return undefined;
  if (roles.includes('shc_captain')) return true;
  if (roles.includes('shc_member')) return false;
  throw new KinlogError(
    'KINLOG_CONFIG_INVALID',
    'run_on is captain, but this host is no member of a search-head cluster',
    {
      remedy: 'Choose run_on every_host, or configure this input on the members of the cluster.',
    },
  );
}

/** Not all members at once. */
const pause = ({ clock, signal, random = Math.random }: CaptainContext): Promise<void> =>
  clock.sleep(ASK_EVERY_MS * (0.8 + 0.4 * random()), signal);
