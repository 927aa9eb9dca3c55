/** What in a Dashboard Studio definition names something else in it, and no schema looks at: data sources and tokens. */

export interface Token {
  readonly namespace: string;
  readonly name: string;
}

interface Handler {
  readonly type: string;
  readonly options?: { readonly tokens?: readonly { readonly token: string }[]; readonly token?: string };
}

interface Part {
  readonly type: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly dataSources?: Readonly<Record<string, string>>;
  readonly eventHandlers?: readonly Handler[];
}

/** Right by the schema. */
interface Definition {
  readonly dataSources?: Readonly<Record<string, Part>>;
  readonly visualizations?: Readonly<Record<string, Part>>;
  readonly inputs?: Readonly<Record<string, Part>>;
  readonly defaults?: { readonly tokens?: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

/** Of a click or a row, set by Splunk for the handlers of events and for table cells. */
const OF_AN_EVENT = /^(row|click|trellis|result|all)\.|^(name|value)$/;

export function judgeReferences(definition: Definition, tokens: (value: unknown) => readonly Token[]): string[] {
  return [...dataSourceFaults(definition), ...tokenFaults(definition, tokens)];
}

function dataSourceFaults({ dataSources = {}, visualizations = {}, inputs = {} }: Definition): string[] {
  const uses = [
    ...Object.entries({ ...visualizations, ...inputs }).flatMap(([user, part]) =>
      Object.values(part.dataSources ?? {}).map((name) => ({ user, name })),
    ),
    ...Object.entries(dataSources).flatMap(([user, { options }]) => {
      const name = options?.['extend'];
      return typeof name === 'string' ? [{ user, name }] : [];
    }),
  ];
  const used = new Set(uses.map(({ name }) => name));
  return [
    ...uses
      .filter(({ name }) => dataSources[name] === undefined)
      .map(({ user, name }) => `${user}: there is no data source ${name}`),
    ...Object.keys(dataSources)
      .filter((name) => !used.has(name))
      .map((name) => `dataSources/${name}: nothing shows it`),
  ];
}

function tokenFaults(definition: Definition, tokens: (value: unknown) => readonly Token[]): string[] {
  const set = new Set([...inputTokens(definition), ...handlerTokens(definition), ...defaultTokens(definition)]);
  const missing = tokens(definition)
    .filter(({ namespace }) => namespace === 'default')
    .map(({ name }) => name)
    .filter((name) => !set.has(name) && !OF_AN_EVENT.test(name));
  return [...new Set(missing)].map((name) => `nothing sets the token $${name}$`);
}

function inputTokens({ inputs = {} }: Definition): string[] {
  return Object.values(inputs).flatMap(({ type, options }) => {
    const token = options?.['token'];
    if (typeof token !== 'string') return [];
    return type === 'input.timerange' ? [`${token}.earliest`, `${token}.latest`] : [token, `${token}.label`];
  });
}

function handlerTokens({ visualizations = {} }: Definition): string[] {
  const handlers = Object.values(visualizations).flatMap(({ eventHandlers }) => eventHandlers ?? []);
  return handlers.flatMap(({ type, options = {} }) => {
    if (type === 'drilldown.setTimeRange')
      return options.token === undefined ? [] : [`${options.token}.earliest`, `${options.token}.latest`];
    return (options.tokens ?? []).map(({ token }) => token);
  });
}

function defaultTokens({ defaults }: Definition): string[] {
  return Object.keys(defaults?.tokens?.['default'] ?? {});
}
