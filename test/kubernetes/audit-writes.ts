/** What a user has written, by the API server's own audit log. */
import { readFileSync } from 'node:fs';

export interface Write {
  readonly verb: string;
  /** Plural, with its subresource, such as `logstreams/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the answer. */
  readonly status: number;
}

interface Line {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

const VERBS: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** Written as time goes by, whatever there is to do. */
const ALONGSIDE: ReadonlySet<string> = new Set(['leases', 'events']);

export function writesOf(auditLog: string, username: string): Write[] {
  return readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(username))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ user, verb, objectRef }) => {
      return user.username === username && VERBS.has(verb) && !ALONGSIDE.has(objectRef.resource);
    })
    .map(({ verb, objectRef: { resource, subresource, namespace = '', name = '' }, responseStatus }) => {
      const full = [resource, subresource].filter(Boolean).join('/');
      return { verb, resource: full, namespace, name, status: responseStatus?.code ?? 0 };
    });
}
