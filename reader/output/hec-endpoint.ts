/** One address of an HTTP Event Collector: its connections, and how long it is left alone after it failed. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import type { HttpClient } from '../../base/http.ts';
import { isAckDisabled, noAckFrom, takesNothing, verdictOnHealth, type Failure, type Verdict } from './hec-answer.ts';
import { failed, HecLane, type LaneParts } from './hec-lane.ts';
import type { HecToken } from './hec-token.ts';
import type { OutputWatch } from './output-watch.ts';

export interface EndpointParts {
  readonly host: string;
  /** A connection of its own for each lane. */
  readonly connect: () => HttpClient;
  readonly token: HecToken;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EventLog;
  readonly watch: OutputWatch;
  readonly over: AbortSignal;
  readonly ack: LaneParts['ack'];
  /** The endpoint takes events again. */
  readonly ready: () => void;
}

const SOON = { firstMs: 500, ceilingMs: 30_000 };
const SLOW = { firstMs: 30_000, ceilingMs: 60_000 };
/** While a token is refused; whoever renews it looks whether it helps. */
const TOKEN_EVERY_MS = 5000;
/** In a row; see `believed`. */
const MOST_DOUBTS = 20;
/** After an answer that says that the queues are almost full. */
const BREATH_MS = 1000;

export class HecEndpoint {
  readonly #parts: EndpointParts;
  readonly #idle: HecLane[] = [];
  readonly #lanes = new Set<HecLane>();
  #posting = 0;
  /** In a row. */
  #failures = 0;
  #resting = true;
  /** What it refused was a post, so that its health alone does not show that it takes events again. */
  #refusedPost = false;
  /** Events in a row that were refused in a way that says as much of what stands between. */
  #doubts = 0;
  /** Until the endpoint has said that it acknowledges. */
  #unproven: boolean;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#unproven = parts.ack !== undefined;
    // Whoever waits for events must not be the first to learn that the token is wrong.
    void this.#restFor(0);
  }

  /** It takes events, as far as is known: after a failure one post shows it. */
  mayPost(): boolean {
    return !this.#resting && (this.#failures === 0 || this.#posting === 0);
  }

  get posting(): number {
    return this.#posting;
  }

  /** An event that is no valid data, or too large alone, goes to the dead letters. When nothing else comes from an endpoint, something on the way damages every body, or lets
   *  none through, and all events would end there: then it is refused, and believed again for one event after each rest. `events`: of the body. */
  believed(verdict: Verdict, events: number): Verdict {
    if (verdict.kind === 'away' || verdict.kind === 'refused') return verdict;
    if (verdict.kind === 'too-large' || (verdict.kind === 'event' && verdict.unread)) {
      const one = events === 1 || (verdict.kind === 'event' && verdict.number !== undefined);
      if (!one || ++this.#doubts <= MOST_DOUBTS) return verdict;
      this.#doubts = MOST_DOUBTS;
      return { kind: 'refused', error: takesNothing(this.#parts.host, verdict.reason), renew: false };
    }
    this.#doubts = 0;
    return verdict;
  }

  /** For one post, about which `give` tells. */
  take(): HecLane {
    this.#posting++;
    return this.#lane();
  }

  /** What became of the post says how the endpoint is. */
  give(lane: HecLane, verdict: Verdict): void {
    this.#posting--;
    this.#keep(lane);
    this.#learn(verdict);
  }

  /** Somebody does not wait any more for what it may have refused, so that no post may follow to show how it is: its health has to be enough. */
  abandoned(): void {
    this.#refusedPost = false;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
  }

  /** The one used last, so that few connections are kept warm. */
  #lane(): HecLane {
    for (let lane = this.#idle.pop(); lane !== undefined; lane = this.#idle.pop()) {
      if (!lane.left) return lane;
      this.#lanes.delete(lane);
    }
    return this.#newLane();
  }

  /** One that was left ends by itself. */
  #keep(lane: HecLane): void {
    if (lane.left) this.#lanes.delete(lane);
    else this.#idle.push(lane);
  }

  #learn(verdict: Verdict): void {
    const { host, token, watch } = this.#parts;
    if (mayRenew(verdict)) token.refused();
    if (verdict.kind === 'refused' || verdict.kind === 'away') {
      // Posts that were under way together fail together.
      if (this.#resting) return;
      this.#refusedPost ||= verdict.kind === 'refused';
      const waitMs = this.#fail(verdict);
      this.#tell(verdict, waitMs);
      void this.#restFor(waitMs, mayRenew(verdict));
    } else if (this.#doubts === 0) {
      this.#failures = 0;
      this.#refusedPost = false;
      watch.wellAgain(host);
      if (verdict.kind === 'accepted' && verdict.slower && !this.#resting) void this.#restFor(BREATH_MS);
    }
  }

  #newLane(): HecLane {
    const { connect, ...parts } = this.#parts;
    const lane = new HecLane({ ...parts, client: connect() });
    this.#lanes.add(lane);
    return lane;
  }

  /** How long it is left alone now, milliseconds. */
  #fail(verdict: Failure): number {
    const { host, random, watch, ack } = this.#parts;
    this.#failures++;
    if (verdict.kind === 'refused') {
      watch.refused(host, verdict.error);
      this.#unproven ||= ack !== undefined;
    }
    const { firstMs, ceilingMs } = verdict.kind === 'refused' ? SLOW : SOON;
    const full = Math.min(ceilingMs, firstMs * 2 ** Math.min(this.#failures - 1, 20));
    const waitMs = Math.round(full * (0.5 + random() / 2));
    return verdict.kind === 'away' ? Math.max(waitMs, verdict.waitMs ?? 0) : waitMs;
  }

  /** Then it is asked how it is, which costs less than a body that it does not take. When acknowledgement is wanted it must have promised that before the first, because what is posted
   *  without would be posted again. */
  async #restFor(firstMs: number, firstRenew = false): Promise<void> {
    const { over, token } = this.#parts;
    this.#resting = true;
    for (let waitMs = firstMs, renew = firstRenew; await this.#rested(waitMs, renew);) {
      const verdict = await this.#ask();
      if (over.aborted) return;
      if (verdict === undefined) {
        this.#rise();
        return;
      }
      renew = mayRenew(verdict);
      if (renew) token.refused();
      waitMs = this.#fail(verdict);
      if (this.#failures === 1) this.#tell(verdict, waitMs);
    }
  }

  /** It says that it is well. */
  #rise(): void {
    const { host, watch, ready } = this.#parts;
    this.#resting = false;
    this.#doubts = Math.min(this.#doubts, MOST_DOUBTS - 1);
    if (!this.#refusedPost) watch.wellAgain(host);
    watch.opened();
    ready();
  }

  #tell(verdict: Failure, waitMs: number): void {
    const { log, host } = this.#parts;
    log.emit('output.retried', { host, reason: reasonOf(verdict), waitMs });
  }

  /** `renew`: or until there is another token. False: the output is over. */
  async #rested(ms: number, renew: boolean): Promise<boolean> {
    const { clock, over, token } = this.#parts;
    for (let leftMs = ms; ; leftMs -= TOKEN_EVERY_MS) {
      const waitMs = renew ? Math.min(leftMs, TOKEN_EVERY_MS) : leftMs;
      if (waitMs > 0 && !(await clock.sleep(waitMs, over).then(yes, no))) return false;
      if (waitMs === leftMs || (await token.renewed())) return true;
    }
  }

  /** Undefined: it may be tried. */
  async #ask(): Promise<Failure | undefined> {
    const { host, clock } = this.#parts;
    const lane = this.#lane();
    try {
      const verdict = verdictOnHealth(await lane.ask('GET', '/services/collector/health'), host, clock.now());
      if (verdict !== undefined || !this.#unproven) return verdict;
      if (isAckDisabled(await lane.askForAcks([]))) return { kind: 'refused', error: noAckFrom(host), renew: true };
      this.#unproven = false;
      return undefined;
    } catch (error) {
      return failed(error, host);
    } finally {
      this.#keep(lane);
    }
  }
}

const reasonOf = (verdict: Failure): string => (verdict.kind === 'refused' ? verdict.error.message : verdict.reason);
const mayRenew = (verdict: Verdict): boolean => verdict.kind === 'refused' && verdict.renew;
const yes = () => true;
const no = () => false;
