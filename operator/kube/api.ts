/** The API server as the operator sees it: JSON in, JSON out, and one error that says what sort of failure it was. */

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From `/api` or `/apis` on, as the server spells it. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** Of the body; `application/json` when absent. */
  readonly contentType?: string;
  /** `application/json` when absent; metadata only by `application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`. */
  readonly accept?: string;
}

/** The only way to the API server. Every call has a deadline of its own besides the signal. */
export interface KubeApi {
  /** The answer's JSON. Throws KubeError, or the signal's reason. */
  call<T>(call: ApiCall, signal?: AbortSignal): Promise<T>;
  /** Lines of a watch, parsed, until the server ends it. Throws KubeError when it breaks or stays silent too long. */
  watch(call: ApiCall, signal: AbortSignal): AsyncIterable<WatchEvent>;
  close(): Promise<void>;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/**
 * `transport`: no answer, or one that says nothing of the object (connection, 404 for the path, 408, 429, 5xx);
 * `unauthorized` 401; `forbidden` 403; `terminating`: 403 or 409 because the namespace ends, or 404 because it is gone;
 * `quota`: 403 by a ResourceQuota or LimitRange; `missing`: 404 of an object; `conflict` 409; `exists`: 409 AlreadyExists;
 * `expired` 410; `too-large`: 413 or etcd's limit; `invalid`: 400, 415, 422, and 403 by an admission policy; `undeclared`: an apply with a field that the server's schema lacks (500).
 */
export type FailureSort =
  | 'transport'
  | 'unauthorized'
  | 'forbidden'
  | 'terminating'
  | 'quota'
  | 'missing'
  | 'conflict'
  | 'exists'
  | 'expired'
  | 'too-large'
  | 'invalid'
  | 'undeclared';

export class KubeError extends Error {
  readonly sort: FailureSort;
  /** HTTP status; 0 = no answer. */
  readonly status: number;
  /** The server's own word, such as AlreadyExists. */
  readonly reason: string;
  /** From Retry-After, milliseconds; five minutes at most. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    is: {
      readonly sort: FailureSort;
      readonly status: number;
      readonly reason?: string;
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: is.cause });
    this.name = 'KubeError';
    this.sort = is.sort;
    this.status = is.status;
    this.reason = is.reason ?? '';
    this.retryAfterMs = is.retryAfterMs;
  }
}
