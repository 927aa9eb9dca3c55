/** A node whose pods are Ready at once and have no process; one server answers for the readers of all of them, as a reader that is well does. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { NodeApi, type ApiAccess } from './kubelet/api.ts';
import { HollowPods } from './kubelet/hollow.ts';
import { heartbeat } from './kubelet/node.ts';

/** At which the operator asks readers. */
const STATUS_PORT = 9464;

export class HollowNode {
  readonly #api: NodeApi;
  readonly #readers: Server;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  /** How often readers were asked. */
  asked = 0;

  private constructor(name: string, access: ApiAccess, podIp: string) {
    this.#api = new NodeApi(access);
    const { signal } = this.#stop;
    const pods = new HollowPods(this.#api, signal, podIp);
    // Nobody asks it for logs.
    const node = { name, hollow: false, logs: Promise.resolve(1) };
    this.#running = Promise.all([
      heartbeat(this.#api, node, signal),
      this.#api.follow(
        `/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`,
        { changed: (pod) => pods.see(pod), gone: (uid) => pods.forget(uid) },
        signal,
      ),
    ]);
    this.#readers = createServer((_request, response) => {
      this.asked++;
      response.end(WELL);
    });
  }

  static async start(name: string, access: ApiAccess): Promise<HollowNode> {
    // Other for each process, so that two do not meet.
    const podIp = `127.63.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`;
    const node = new HollowNode(name, access, podIp);
    node.#readers.listen(STATUS_PORT, podIp);
    await once(node.#readers, 'listening');
    return node;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#api.close();
    this.#readers.close();
    this.#readers.closeAllConnections();
  }
}

/** What `kinlog run` says with four shards, of which nothing is new. */
const WELL = JSON.stringify({
  name: 'reader',
  version: '0.1.0',
  outputs: [{ name: 'hec:splunk:8088', ok: true }],
  streams: [
    {
      id: 'logs',
      ready: true,
      errors: [],
      positionStored: '2026-01-01T00:00:00.000Z',
      eventsDelivered: '2026-01-01T00:00:00.000Z',
      reader: {
        shards: ['a', 'b', 'c', 'd'].map((shardId) => ({ shardId, state: 'reading', parents: [], behindMs: 0 })),
      },
    },
  ],
});
