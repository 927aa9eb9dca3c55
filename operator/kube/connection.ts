/** Where the API server is and how it is spoken to: a kubeconfig, or the pod's own service account. */
import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';

export interface Connection {
  /** Its path, if any, stands before that of each call. */
  readonly server: URL;
  /** That of the kubeconfig's context, or of the pod. */
  readonly namespace: string | undefined;
  /** What a call needs at this moment. May run a program or read files; rejects when they fail. */
  access(): Promise<Access>;
  /** The server does not take what `access` gave: the next one reads everything again. */
  renew(): void;
}

export interface Access {
  /** May hold a token. */
  readonly headers: Readonly<Record<string, string>>;
  /** The same object as long as nothing in it has changed. */
  readonly tls: TlsAccess;
}

export interface TlsAccess {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Besides the minute for which client-node keeps a token. */
const KEEP_MS = 5_000;
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** By the file, else by $KUBECONFIG, else as a pod, whose files are below `root`. Fails with KINLOG_CONFIG_INVALID. */
export async function connect(kubeconfig?: string, clock: Clock = systemClock, root = ''): Promise<Connection> {
  // Only here: it is the largest thing that the operator loads.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const load = (): KubeConfig => {
    const config = new Config();
    read(config, kubeconfig, root);
    return config;
  };
  return new ConfiguredConnection(load, clock);
}

function read(config: KubeConfig, kubeconfig: string | undefined, root: string): void {
  const variable = process.env['KUBECONFIG'] ?? '';
  try {
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
    else if (variable !== '') config.loadFromDefault();
    else if (existsSync(root + TOKEN_FILE)) config.loadFromCluster(root);
    else throw new KinlogError('KINLOG_CONFIG_INVALID', 'no cluster: neither a kubeconfig nor a service account', FIND);
  } catch (error) {
    if (error instanceof KinlogError) throw error;
    // Not the parser's words: they quote the file.
    throw new KinlogError('KINLOG_CONFIG_INVALID', `${kubeconfig ?? variable}: no valid kubeconfig`, FIND);
  }
}

const FIND = {
  remedy: 'Name a kubeconfig with --kubeconfig or KUBECONFIG, or run as a pod with its service account token mounted.',
};

class ConfiguredConnection implements Connection {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly #load: () => KubeConfig;
  readonly #clock: Clock;
  #config: KubeConfig | undefined;
  #known: { readonly access: Promise<Access>; readonly atMs: number } | undefined;
  #tls: TlsAccess = {};

  constructor(load: () => KubeConfig, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
    this.#config = load();
    const cluster = this.#config.getCurrentCluster();
    const server = URL.parse(cluster?.server ?? '');
    if (cluster === null || server === null)
      throw new KinlogError('KINLOG_CONFIG_INVALID', 'the current context of the kubeconfig names no cluster', FIND);
    if (cluster.proxyUrl !== undefined)
      throw new KinlogError('KINLOG_CONFIG_INVALID', 'proxy-url: a proxy to the API server is not supported', {
        remedy: 'Run the operator where the API server is reached directly, as in the cluster itself.',
      });
    this.server = server;
    this.namespace = this.#config.getContextObject(this.#config.getCurrentContext())?.namespace?.trim();
  }

  access(): Promise<Access> {
    const now = this.#clock.monotonic();
    if (this.#known === undefined || now - this.#known.atMs >= KEEP_MS) {
      const known = { access: this.#read(), atMs: now };
      this.#known = known;
      known.access.catch(() => {
        if (this.#known === known) this.#known = undefined;
      });
    }
    return this.#known.access;
  }

  renew(): void {
    // A fresh one, because client-node keeps tokens of files for a minute and those of programs until they say that they expire.
    this.#config = undefined;
    this.#known = undefined;
  }

  async #read(): Promise<Access> {
    this.#config ??= this.#load();
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized, headers = {} } = options;
    const tls: TlsAccess = {
      ...pem('ca', ca),
      ...pem('cert', cert),
      ...pem('key', key),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
    if (JSON.stringify(tls) !== JSON.stringify(this.#tls)) this.#tls = tls;
    const texts = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value).trim()]);
    return { headers: Object.fromEntries(texts) as Record<string, string>, tls: this.#tls };
  }
}

const pem = (name: keyof TlsAccess, value: unknown): Partial<TlsAccess> =>
  typeof value === 'string' || Buffer.isBuffer(value) ? { [name]: String(value) } : {};
