/** What the API server's refusals mean, and what a broken connection is; never what the object held. */
import { KubeError, type ApiCall, type FailureSort } from './api.ts';

/** meta/v1 Status, as far as it is looked at. */
interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly field?: string }[];
  };
}

export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** Of the header Retry-After, seconds. */
  readonly retryAfter?: string | undefined;
}

const MAX_MESSAGE = 500;
/** However long a server, or a proxy before it, asks to be left alone. */
const MAX_RETRY_AFTER_SECONDS = 300;

/** `PATCH /apis/apps/v1/namespaces/logs/deployments/orders-reader`: the query holds nothing that a person looks for. */
export const nameOf = ({ method, path }: Pick<ApiCall, 'method' | 'path'>): string => `${method} ${path}`;

/** An answer that is not a success. */
export function refusal(call: Pick<ApiCall, 'method' | 'path'>, { status, text, retryAfter }: Refusal): KubeError {
  const said = parseStatus(text);
  const seconds = Number(retryAfter ?? said?.details?.retryAfterSeconds ?? Number.NaN);
  return new KubeError(`${nameOf(call)} answered ${status}${wordsOf(call, status, said)}`, {
    sort: sortOf(status, said),
    status,
    ...(said?.reason === undefined ? {} : { reason: said.reason }),
    ...(Number.isFinite(seconds) && seconds >= 0
      ? { retryAfterMs: Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000 }
      : {}),
  });
}

/** An ERROR event of a watch. */
export function watchFailure(call: Pick<ApiCall, 'method' | 'path'>, object: unknown): KubeError {
  const { code } = (typeof object === 'object' && object !== null ? object : {}) as Status;
  return refusal(call, { status: typeof code === 'number' ? code : 500, text: JSON.stringify(object) });
}

/** No answer, or none that could be read to its end. */
export function transportFailure(call: Pick<ApiCall, 'method' | 'path'>, why: string, cause?: unknown): KubeError {
  return new KubeError(`${nameOf(call)}: ${why}`, { sort: 'transport', status: 0, cause });
}

/** What broke the connection, without its words: they may hold anything. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause instanceof Error ? codeOf(error.cause) : error.name;
}

function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status'
      ? (value as Status)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A proxy's page is not quoted, and when a Secret was written not even the server's words: a refused value stands in them. */
function wordsOf({ method, path }: Pick<ApiCall, 'method' | 'path'>, status: number, said: Status | undefined): string {
  if (said === undefined)
    return status === 404 ? ', as for a path that it does not serve' : ' with no word of the API server';
  const reason = said.reason === undefined || said.reason === '' ? '' : ` ${said.reason}`;
  if (said.message === undefined || (method !== 'GET' && /\/secrets(?:\/|$)/.test(path))) return reason;
  const line = said.message.replace(/\s+/g, ' ').trim();
  return `${reason}: ${line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line}`;
}

function sortOf(status: number, said: Status | undefined): FailureSort {
  const words = sortOfWords(said?.message ?? '');
  if (words !== undefined) return words;
  if (status === 413) return 'too-large';
  if (status < 400 || status >= 500) return 'transport';
  return BY_STATUS[status]?.(said) ?? 'invalid';
}

/** What comes as a 500 or a 422 and is neither. */
function sortOfWords(message: string): FailureSort | undefined {
  if (TOO_LARGE.test(message)) return 'too-large';
  if (!message.startsWith(MISFIT)) return undefined;
  return message.includes('field not declared in schema') ? 'undeclared' : 'invalid';
}

/** The last: a ConfigMap as a whole. */
const TOO_LARGE = /request is too large|trying to send message larger than max|\[\]: Too long/i;
/** An apply that does not fit the schema is a 500 in Kubernetes 1.36, as if trying again could help. */
const MISFIT = 'failed to create typed patch object';
/** What the admission plugins ResourceQuota and LimitRange say; they give no reason of their own. */
const QUOTA =
  /exceeded quota:|failed quota:|insufficient quota|(?:maximum|minimum) .+ usage per |limit to request ratio per /;

/** An admission webhook, or a ValidatingAdmissionPolicy: the object is refused, not whoever sends it. */
export const POLICY = / denied (?:the )?request: /;

/** A server that has just started denies before it has read its roles; these it makes itself, for everybody. */
const NO_ROLES_YET = /"system:(?:discovery|basic-user|public-info-viewer)" not found/;

const REFUSALS: readonly (readonly [RegExp, FailureSort])[] = [
  [POLICY, 'invalid'],
  [NO_ROLES_YET, 'transport'],
  [QUOTA, 'quota'],
];

const BY_STATUS: Readonly<Record<number, (said: Status | undefined) => FailureSort>> = {
  401: () => 'unauthorized',
  403: (said) => {
    if (namespaceEnds(said)) return 'terminating';
    const [, sort] = REFUSALS.find(([words]) => words.test(said?.message ?? '')) ?? [];
    return sort ?? 'forbidden';
  },
  404: (said) => {
    // Without an object's name the path is unknown, as while the server starts or a kind is not installed: nothing is said of the object.
    if (said?.details?.name === undefined || said.details.name === '') return 'transport';
    return said.details.kind === 'namespaces' ? 'terminating' : 'missing';
  },
  409: (said) => {
    if (namespaceEnds(said)) return 'terminating';
    return said?.reason === 'AlreadyExists' ? 'exists' : 'conflict';
  },
  408: () => 'transport',
  410: () => 'expired',
  429: () => 'transport',
};

const namespaceEnds = (said: Status | undefined): boolean =>
  said?.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true ||
  /because it is being terminated/.test(said?.message ?? '');
