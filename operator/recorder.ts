/** Events that people see with `kubectl describe`: taken at once, written one after another, given up rather than waited for. */
import { randomBytes } from 'node:crypto';
import { isAbort, type Clock } from '../base/clock.ts';
import type { EventLog } from '../base/events.ts';
import { EventLimits, Recent } from './event-limits.ts';
import { KubeError, type KubeApi } from './kube/api.ts';
import { KINDS } from './kube/kinds.ts';
import { pathOf } from './kube/list.ts';
import type { KubeObject } from './kube/object.ts';
import { microTime } from './kube/time.ts';

export interface Recorder {
  /** `reason`: CamelCase; `action`: what was tried, CamelCase; `note`: what a person reads, never a secret. Never blocks, never throws. */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, action: string, note: string): void;
}

/** Of the API, for reason and action in characters and the note in bytes. */
const NAME_LENGTH = 128;
const NOTE_BYTES = 1024;
/** An object's name may be so long, and `.` and a number follow it. */
const OBJECT_NAME_LENGTH = 230;
const QUEUE = 1000;
const TRIES = 12;
const RETRY_MS = 10_000;
const CONTROLLER = 'kinlog.io/operator';

/** An Event on its way or on the server. */
interface Entry {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly body: object;
  count: number;
  lastMs: number;
  queued: boolean;
  written: boolean;
}

export interface RecorderParts {
  readonly api: KubeApi;
  /** Of this process. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly onDropped?: () => void;
  readonly random?: () => number;
}

export class EventRecorder implements Recorder {
  readonly #parts: RecorderParts;
  readonly #limits: EventLimits;
  readonly #known = new Recent<Entry>();
  readonly #queue: Entry[] = [];
  #busy = false;
  #wake: () => void = () => undefined;
  #idle: () => void = () => undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#limits = new EventLimits(parts.clock);
  }

  // eslint-disable-next-line max-params -- the words of client-go's recorder, in its order
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, action: string, note: string): void {
    const uid = about.metadata.uid ?? `${about.kind}/${about.metadata.namespace ?? ''}/${about.metadata.name}`;
    const admitted = this.#limits.admit({ uid, type, reason, action, note });
    if (admitted === undefined) {
      this.#drop(reason, 'its object has too many');
      return;
    }
    const known = this.#known.get(admitted.key);
    const lastMs = this.#parts.clock.now();
    if (known === undefined) this.#enqueue(this.#entry(about, admitted, { type, reason, action, lastMs }));
    else {
      known.count++;
      known.lastMs = lastMs;
      this.#enqueue(known);
    }
  }

  /** Writes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const entry = this.#queue.shift();
      this.#busy = entry !== undefined;
      if (entry === undefined) {
        this.#idle();
        await this.#more(signal);
      } else {
        entry.queued = false;
        await this.#write(entry, signal);
      }
    }
  }

  /** Settles when everything is written, or when the signal aborts. */
  flush(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted || (!this.#busy && this.#queue.length === 0)) resolve();
    });
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
      if (this.#queue.length > 0) end();
    });
  }

  #enqueue(entry: Entry): void {
    if (!entry.queued) {
      if (this.#queue.length >= QUEUE) {
        this.#drop(entry.name, 'too many wait to be written');
        return;
      }
      entry.queued = true;
      this.#queue.push(entry);
    }
    this.#known.set(entry.key, entry);
    this.#wake();
  }

  #entry(
    about: KubeObject,
    { key, note }: { readonly key: string; readonly note: string },
    what: { readonly type: string; readonly reason: string; readonly action: string; readonly lastMs: number },
  ): Entry {
    const { apiVersion, kind, metadata } = about;
    const { name, namespace = 'default', uid, resourceVersion } = metadata;
    const eventName = `${name.slice(0, OBJECT_NAME_LENGTH)}.${randomBytes(8).toString('hex')}`;
    const body = {
      apiVersion: KINDS.event.apiVersion,
      kind: KINDS.event.kind,
      metadata: { name: eventName, namespace },
      eventTime: microTime(what.lastMs),
      type: what.type,
      reason: what.reason.slice(0, NAME_LENGTH),
      action: what.action.slice(0, NAME_LENGTH),
      note: cut(note),
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
      reportingController: CONTROLLER,
      reportingInstance: this.#parts.instance.slice(0, NAME_LENGTH),
    };
    const { lastMs } = what;
    return { key, namespace, name: eventName, body, count: 1, lastMs, queued: false, written: false };
  }

  async #write(entry: Entry, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#send(entry, signal);
        return;
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        if (!isPassing(error) || tries >= TRIES) {
          // What comes next begins anew.
          this.#known.delete(entry.key);
          this.#drop(entry.name, error instanceof Error ? error.message : String(error));
          return;
        }
      }
      const { clock, random = Math.random } = this.#parts;
      await clock.sleep(RETRY_MS * (0.5 + random() / 2), signal).catch(() => undefined);
    }
  }

  async #send(entry: Entry, signal: AbortSignal): Promise<void> {
    const { api } = this.#parts;
    const { namespace, name, count, lastMs } = entry;
    const series = count > 1 ? { series: { count, lastObservedTime: microTime(lastMs) } } : {};
    if (entry.written) {
      const path = pathOf(KINDS.event, namespace, name);
      const contentType = 'application/merge-patch+json';
      const found = await api.call({ method: 'PATCH', path, body: series, contentType }, signal).catch(unlessGone);
      if (found !== undefined) return;
    }
    const path = pathOf(KINDS.event, namespace);
    await api.call({ method: 'POST', path, body: { ...entry.body, ...series } }, signal).catch(unlessThere);
    entry.written = true;
  }

  #drop(event: string, why: string): void {
    this.#parts.onDropped?.();
    this.#parts.log.emit('recorder.dropped', { event, why });
  }
}

/** The answer to an earlier try was lost. */
function unlessThere(error: unknown): void {
  if (!(error instanceof KubeError) || error.sort !== 'exists') throw error;
}

/** The server keeps an Event for an hour unless told otherwise: then it is made again. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof KubeError) || error.sort !== 'missing') throw error;
}

const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.sort === 'transport' || error.sort === 'unauthorized');

/** To what the API takes, without half a character at the end. */
function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= NOTE_BYTES) return note;
  const end = NOTE_BYTES - Buffer.byteLength('…');
  return `${new TextDecoder().decode(bytes.subarray(0, end)).replace(/\uFFFD+$/, '')}…`;
}
