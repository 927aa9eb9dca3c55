/** Which operator leads: a Lease that one process holds by renewing it, in the manner of client-go's leader election. */
import { randomBytes } from 'node:crypto';
import { isAbort, type Clock } from '../base/clock.ts';
import { Deadline } from '../base/deadline.ts';
import { KinlogError } from '../base/errors.ts';
import type { EventLog } from '../base/events.ts';
import { KubeError, type KubeApi } from './kube/api.ts';
import { createObject, getIfThere, replaceObject } from './kube/apply.ts';
import { KINDS } from './kube/kinds.ts';
import type { KubeObject } from './kube/object.ts';
import { microTime } from './kube/time.ts';

/** Milliseconds; client-go's defaults. `leaseMs` > `renewMs` > `retryMs`. */
export interface LeaseTimings {
  /** How long others wait for a sign of life before they take the Lease. */
  readonly leaseMs: number;
  /** How long the holder goes on without having renewed. */
  readonly renewMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2000 };
/** Waits are spread between this share of `retryMs` and all of it, so that candidates do not ask in step. */
const SHORTEST_WAIT = 1 / 1.2;
/** A released Lease can be taken at once; who does not look at the holder waits for a second. */
const RELEASED_SECONDS = 1;
const RELEASE_TRIES = 3;

interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface LeaderParts {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Of the process, such as the pod's name; made unique here, because a restarted container is another candidate. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly timings?: LeaseTimings;
  readonly random?: () => number;
}

/** Judged by the monotonic clock of this process alone: what a Lease says about times is for people. */
export class Leader {
  readonly identity: string;
  readonly #parts: LeaderParts;
  readonly #timings: LeaseTimings;
  readonly #random: () => number;
  /** The Lease as last seen, and when its spec was last seen to change. */
  #seen: { readonly lease: Lease; readonly text: string; readonly sinceMs: number } | undefined;
  /** When the last request began that confirmed that the Lease is ours. */
  #confirmedMs = -Infinity;
  #waitingFor: string | undefined;
  /** It was said that the Lease can not be reached, and not been reached since. */
  #troubled = false;

  constructor(parts: LeaderParts) {
    this.#parts = parts;
    this.#timings = parts.timings ?? LEASE_TIMINGS;
    this.#random = parts.random ?? Math.random;
    this.identity = `${parts.identity}_${randomBytes(8).toString('hex')}`;
  }

  /** Asked before each write. False as soon as the time to renew is over, so that a process that was frozen writes nothing when it goes on. */
  get leads(): boolean {
    return this.#leftMs > 0;
  }

  /** Settles when this process leads. Rejects with the reason of the signal. Failures are tried again: standing by costs nothing. */
  async acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      const state = await this.#attempt(signal).catch((error: unknown) => this.#failed(error));
      if (state === 'ours') break;
      if (state === 'theirs') this.#sayWhoLeads();
      await this.#parts.clock.sleep(this.#untilNextLook(), signal);
    }
    this.#parts.log.emit('leader.elected', { identity: this.identity });
  }

  /** Renews until the signal aborts, then returns. Rejects with KINLOG_LEADERSHIP_LOST when others may lead by now; nothing may be written after that. */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Before the Lease is touched: a process that was frozen must not take it again as if nothing had been.
      if (!this.leads) throw this.#lost(`it could not be renewed for ${this.#timings.renewMs / 1000} s`);
      const nextMs = this.#now + this.#wait();
      const state = await this.#renew(signal).catch((error: unknown) => this.#failed(error));
      if (state === 'theirs') throw this.#lost(`${this.#holder} holds it`);
      // At once after a failure that took long: little time may be left.
      const waitMs = Math.min(Math.max(0, nextMs - this.#now), Math.ceil(this.#leftMs));
      await this.#parts.clock.sleep(waitMs, signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  }

  /** Lets another one lead at once. Only after everything that writes has ended. Does not throw: the Lease runs out by itself. */
  async release(signal: AbortSignal): Promise<void> {
    if (!this.leads) return;
    this.#confirmedMs = -Infinity;
    try {
      await this.#giveBack(signal);
      this.#parts.log.emit('leader.released', { identity: this.identity });
    } catch (error) {
      this.#parts.log.emit('leader.unconfirmed', { error: textOf(error) });
    }
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      const lease = await this.#read(signal);
      if (lease === undefined || !this.#isOurs) return;
      const now = microTime(this.#parts.clock.now());
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: RELEASED_SECONDS };
      try {
        await this.#put(lease, { ...spec, renewTime: now, acquireTime: now }, signal);
        return;
      } catch (error) {
        // A renewal that was given up half-way may still arrive.
        if (!(error instanceof KubeError) || error.sort !== 'conflict' || tries === RELEASE_TRIES) throw error;
      }
    }
  }

  /** Not longer than this process may still believe that it leads. */
  async #renew(signal: AbortSignal): Promise<'ours' | 'theirs'> {
    const deadline = new Deadline(this.#parts.clock, this.#leftMs, signal);
    try {
      return await this.#attempt(deadline.signal);
    } finally {
      deadline.end();
    }
  }

  /** One try to take or to renew the Lease. */
  async #attempt(signal: AbortSignal): Promise<'ours' | 'theirs'> {
    if (this.#isOurs && this.leads) {
      try {
        return await this.#write(this.#seen!.lease, signal);
      } catch (error) {
        // Somebody changed it, or the answer to our own write was lost: what is there now decides.
        if (!(error instanceof KubeError)) throw error;
      }
    }
    const lease = await this.#read(signal);
    // Also when it is gone: whoever held it does not know yet, and makes it anew.
    if (!this.#isOurs && !this.#isFree) return 'theirs';
    return lease === undefined ? this.#create(signal) : this.#write(lease, signal);
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { api } = this.#parts;
    const lease = await this.#answered(signal, (bounded) => getIfThere<Lease>(api, KINDS.lease, this.#parts, bounded));
    if (lease !== undefined) this.#see(lease);
    return lease;
  }

  async #create(signal: AbortSignal): Promise<'ours'> {
    const { api, namespace, name, clock } = this.#parts;
    const startedMs = this.#now;
    const now = microTime(clock.now());
    const spec = { ...this.#ours(now), acquireTime: now, leaseTransitions: 0 };
    const { apiVersion, kind } = KINDS.lease;
    const body = { apiVersion, kind, metadata: { name, namespace }, spec };
    this.#see(await this.#answered(signal, (bounded) => createObject<Lease>(api, KINDS.lease, body, bounded)));
    this.#confirmedMs = startedMs;
    return 'ours';
  }

  async #write(lease: Lease, signal: AbortSignal): Promise<'ours'> {
    const startedMs = this.#now;
    const now = microTime(this.#parts.clock.now());
    const held = lease.spec?.holderIdentity === this.identity;
    const { acquireTime = now, leaseTransitions = 0 } = lease.spec ?? {};
    const since = held
      ? { acquireTime, leaseTransitions }
      : { acquireTime: now, leaseTransitions: leaseTransitions + 1 };
    await this.#put(lease, { ...lease.spec, ...this.#ours(now), ...since }, signal);
    this.#confirmedMs = startedMs;
    return 'ours';
  }

  /** The resource version in it makes this a compare-and-swap. */
  async #put(lease: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<void> {
    const body = { ...lease, apiVersion: KINDS.lease.apiVersion, kind: KINDS.lease.kind, spec };
    const { api } = this.#parts;
    this.#see(await this.#answered(signal, (bounded) => replaceObject<Lease>(api, KINDS.lease, body, bounded)));
  }

  /** Not longer than half of the time that is left: a connection may have died without a word, and another one must get its turn. Half of `renewMs` is client-go's limit. */
  async #answered<T>(signal: AbortSignal, call: (bounded: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    const deadline = new Deadline(clock, (this.leads ? this.#leftMs : this.#timings.renewMs) / 2, signal);
    try {
      return await call(deadline.signal);
    } catch (error) {
      if (!deadline.passed || !isAbort(error)) throw error;
      const message = `the Lease: no answer within ${Math.round(deadline.limitMs)} ms`;
      throw new KubeError(message, { sort: 'transport', status: 0, cause: error });
    } finally {
      deadline.end();
    }
  }

  #ours(renewTime: string): LeaseSpec {
    return { holderIdentity: this.identity, leaseDurationSeconds: this.#timings.leaseMs / 1000, renewTime };
  }

  #see(lease: Lease): void {
    const text = JSON.stringify(lease.spec ?? {});
    this.#troubled = false;
    this.#seen = { lease, text, sinceMs: this.#seen?.text === text ? this.#seen.sinceMs : this.#now };
  }

  get #now(): number {
    return this.#parts.clock.monotonic();
  }

  get #holder(): string {
    return this.#seen?.lease.spec?.holderIdentity ?? '';
  }

  get #isOurs(): boolean {
    return this.#holder === this.identity;
  }

  /** Never seen, released, or its holder has shown no sign of life for as long as it asked others to wait. */
  get #isFree(): boolean {
    return this.#holder === '' || this.#expiresInMs <= 0;
  }

  get #expiresInMs(): number {
    const { lease, sinceMs } = this.#seen!;
    return sinceMs + (lease.spec?.leaseDurationSeconds ?? this.#timings.leaseMs / 1000) * 1000 - this.#now;
  }

  get #leftMs(): number {
    return this.#confirmedMs + this.#timings.renewMs - this.#now;
  }

  #wait(): number {
    return this.#timings.retryMs * (SHORTEST_WAIT + (1 - SHORTEST_WAIT) * this.#random());
  }

  /** Never later than the moment the Lease of another one runs out. */
  #untilNextLook(): number {
    const waitMs = this.#wait();
    return this.#seen === undefined || this.#isFree ? waitMs : Math.min(waitMs, Math.ceil(this.#expiresInMs));
  }

  #failed(error: unknown): undefined {
    // A stop, or the end of the time to renew: whoever asked for it sees that.
    if (isAbort(error)) return;
    if (!(error instanceof KubeError)) throw error;
    // Two candidates tried at once: the next look tells who won.
    const lostRace = error.sort === 'conflict' || error.sort === 'exists';
    if (lostRace || this.#troubled) return;
    this.#troubled = true;
    this.#parts.log.emit('leader.unconfirmed', { error: textOf(error) });
  }

  #sayWhoLeads(): void {
    if (this.#waitingFor === this.#holder) return;
    this.#waitingFor = this.#holder;
    this.#parts.log.emit('leader.waiting', { holder: this.#holder, identity: this.identity });
  }

  #lost(why: string): KinlogError {
    this.#confirmedMs = -Infinity;
    this.#parts.log.emit('leader.lost', { identity: this.identity, why });
    const { namespace, name } = this.#parts;
    return new KinlogError('KINLOG_LEADERSHIP_LOST', `the Lease ${namespace}/${name} is not ours any more: ${why}`);
  }
}

/** Lets reads through, and writes only while `leads` holds, which is asked anew for each. */
export function fenced(api: KubeApi, leads: () => boolean): KubeApi {
  return {
    async call(call, signal) {
      if (call.method !== 'GET' && !leads())
        throw new KinlogError(
          'KINLOG_LEADERSHIP_LOST',
          `${call.method} ${call.path} was held back: this operator does not lead`,
        );
      return api.call(call, signal);
    },
    watch: (call, signal) => api.watch(call, signal),
    close: () => api.close(),
  };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
