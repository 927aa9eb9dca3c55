/** The forms of splunkd's answers: lists of entries, and messages. */

export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

export interface Asked {
  readonly method: string;
  /** Decoded segments of the path. */
  readonly path: readonly string[];
  readonly parameters: URLSearchParams;
  readonly body: string;
  /** Of /servicesNS/<user>/<app>; `nobody` and `search` for /services. */
  readonly user: string;
  readonly app: string;
}

export const ok = (json: unknown): Answer => ({ status: 200, json });
export const created = (json: unknown): Answer => ({ status: 201, json });

export const refused = (status: number, text: string, type = 'ERROR'): Answer => ({
  status,
  json: { messages: [{ type, text }] },
});

export interface Entry {
  readonly name: string;
  readonly app?: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Thirty entries unless `count` says otherwise; 0 is all. With `f` only those fields of the content. */
export function entries(all: readonly Entry[], parameters = new URLSearchParams()): Answer {
  const offset = Number(parameters.get('offset') ?? 0);
  const count = Number(parameters.get('count') ?? 30);
  const shown = count === 0 ? all.slice(offset) : all.slice(offset, offset + count);
  const wanted = parameters.getAll('f');
  const fields = (content: Entry['content']) =>
    Object.fromEntries(Object.entries(content).filter(([name]) => wanted.length === 0 || wanted.includes(name)));
  return ok({
    entry: shown.map(({ name, app = 'search', content }) => ({
      name,
      acl: { app, owner: 'nobody' },
      content: fields(content),
    })),
    paging: { total: all.length, perPage: count, offset },
    messages: [],
  });
}

/** Fields of a form, as most of splunkd's endpoints take them. */
export const formOf = (asked: Asked): Record<string, string> => Object.fromEntries(new URLSearchParams(asked.body));
