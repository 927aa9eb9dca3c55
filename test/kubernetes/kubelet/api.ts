/** A node's way to the API server: JSON in and out, and its pods, followed by a watch. Nothing of the operator's own client, so that neither hides a fault of the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Pod } from './types.ts';

const CALL_MS = 15_000;
const PAUSE_MS = 250;

export interface ApiAccess {
  readonly server: string;
  /** PEM. */
  readonly authority: string;
  readonly token: string;
}

interface Seen {
  readonly changed: (pod: Pod) => void;
  readonly gone: (uid: string) => void;
}

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Pod[];
}

export class ApiFailure extends Error {
  readonly status: number;

  constructor(what: string, status: number, message: string) {
    super(`${what}: ${status} ${message}`);
    this.status = status;
  }
}

export class NodeApi {
  readonly access: ApiAccess;
  readonly #agent: Agent;

  constructor(access: ApiAccess) {
    this.access = access;
    this.#agent = new Agent({ connect: { ca: access.authority }, bodyTimeout: 0 });
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Throws ApiFailure for an answer that is not 2xx. */
  async call<T>(method: 'GET' | 'POST' | 'DELETE' | 'PATCH' | 'PUT', path: string, body?: unknown): Promise<T> {
    const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const answer = await request(this.access.server + path, {
      method,
      headers: { ...this.#headers(), 'content-type': type },
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(CALL_MS),
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new ApiFailure(`${method} ${path}`, answer.statusCode, text.slice(0, 500));
    return JSON.parse(text) as T;
  }

  /** Undefined when there is no such object. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      return await this.call<T>('GET', path);
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Tells every state of every pod of the list until the signal ends it, also over outages and gaps. */
  async follow(path: string, seen: Seen, signal: AbortSignal): Promise<void> {
    const known = new Set<string>();
    const changed = (pod: Pod) => {
      known.add(pod.metadata.uid);
      seen.changed(pod);
    };
    const gone = (uid: string) => {
      known.delete(uid);
      seen.gone(uid);
    };
    const follow = async () => {
      const list = await this.call<PodList>('GET', path);
      const listed = new Set(list.items.map(({ metadata }) => metadata.uid));
      for (const uid of known) if (!listed.has(uid)) gone(uid);
      list.items.forEach(changed);
      for await (const { type, object } of this.#watch(path, list.metadata.resourceVersion, signal))
        if (type === 'DELETED') gone(object.metadata.uid);
        else changed(object);
    };
    while (!signal.aborted) {
      // Whatever ended it: list again, as long as there is a node.
      await follow().catch(() => undefined);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the server ends it, or says that it can not go on. */
  async *#watch(path: string, from: string, signal: AbortSignal): AsyncIterable<{ type: string; object: Pod }> {
    const url = `${this.access.server}${path}&watch=1&timeoutSeconds=240&resourceVersion=${from}`;
    const { body, statusCode } = await request(url, { headers: this.#headers(), dispatcher: this.#agent, signal });
    if (statusCode !== 200) {
      await body.dump();
      return;
    }
    let rest = '';
    body.setEncoding('utf8');
    for await (const chunk of body as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const event = JSON.parse(line) as { type: string; object: Pod };
        if (event.type === 'ERROR') return;
        yield event;
      }
    }
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.access.token}`, accept: 'application/json', 'user-agent': 'kubelet' };
  }
}

/** For `catch`: lets these statuses pass. */
export function unless(...statuses: readonly number[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ApiFailure) || !statuses.includes(error.status)) throw error;
  };
}

/** Nothing of it runs any more: its object goes. */
export async function removePod(api: NodeApi, { metadata: { name, namespace, uid } }: Pod): Promise<void> {
  const body = { gracePeriodSeconds: 0, preconditions: { uid } };
  await api.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, body).catch(unless(404, 409));
}
