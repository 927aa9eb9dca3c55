/** Fields of the resource, each written once: the schema that the API server holds, the reference page and the types are read from these tables. */

/** As CustomResourceDefinitions write it: OpenAPI v3, structural, with Kubernetes' own extensions. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** A condition over several fields, in CEL. `self` is the group that has it; with `oldSelf` it holds for changes only. */
export interface Rule {
  readonly rule: string;
  /** What the user must do. */
  readonly message: string;
  /** From the group on, such as `.timestamp`. */
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

export interface FieldType<T> {
  readonly schema: Schema;
  /** What a valid value looks like, after "must be". */
  readonly expects: string;
  /** Members of a group, or of what a list holds. */
  readonly fields?: FieldTable;
  readonly rules?: readonly Rule[];
  /** Never set: it carries the type. */
  readonly of?: T;
}

export interface Field {
  readonly type: FieldType<unknown>;
  /** As `kubectl explain` and the reference show it. */
  readonly text: string;
  readonly required?: true;
  /** Filled in by the API server when the field is absent, so a controller always finds it. */
  readonly default?: unknown;
}

export type FieldTable = Readonly<Record<string, Field>>;

type ValueOf<F> = F extends { readonly type: FieldType<infer T> } ? T : never;
type Present<Table> = {
  [K in keyof Table]: Table[K] extends { readonly required: true } | { readonly default: unknown } ? K : never;
}[keyof Table];
/** What the API server hands out. */
export type ValuesOf<Table> = { readonly [K in Present<Table>]: ValueOf<Table[K]> } & {
  readonly [K in Exclude<keyof Table, Present<Table>>]?: ValueOf<Table[K]>;
};

export function group<const Table extends FieldTable>(
  fields: Table,
  rules: readonly Rule[] = [],
): FieldType<ValuesOf<Table>> & { readonly fields: Table } {
  const required = Object.entries(fields)
    .filter(([, field]) => field.required === true)
    .map(([name]) => name);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)])),
    ...(required.length === 0 ? {} : { required }),
    ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules.map(writtenRule) }),
  };
  return { schema, expects: 'a group of fields', fields, rules };
}

function fieldSchema({ type, text, default: preset }: Field): Schema {
  // kubectl explain shows no default but what the description says.
  const shown = preset === undefined || typeof preset === 'object' ? '' : ` Default: ${JSON.stringify(preset)}.`;
  return {
    description: text + shown.replaceAll('"', ''),
    ...(preset === undefined ? {} : { default: filled(type, preset) }),
    ...type.schema,
  };
}

/** The server holds the rules against a default before it fills in those of its members. */
function filled({ fields }: FieldType<unknown>, preset: unknown): unknown {
  if (typeof preset !== 'object' || preset === null) return preset;
  const inner = Object.entries(fields ?? {}).filter(([, field]) => field.default !== undefined);
  return { ...Object.fromEntries(inner.map(([name, field]) => [name, filled(field.type, field.default)])), ...preset };
}

const writtenRule = ({ rule, message, fieldPath, reason }: Rule): Rule => ({
  rule,
  message,
  ...(fieldPath === undefined ? {} : { fieldPath }),
  ...(reason === undefined ? {} : { reason }),
});

export const text = (
  expects: string,
  { pattern, min = 1, max }: { readonly pattern?: string; readonly min?: number; readonly max: number },
): FieldType<string> => ({
  expects,
  schema: { type: 'string', minLength: min, maxLength: max, ...(pattern === undefined ? {} : { pattern }) },
});

export const oneOf = <const T extends string>(...values: readonly T[]): FieldType<T> => ({
  expects: `one of ${values.join(', ')}`,
  schema: { type: 'string', enum: values },
});

export const flag: FieldType<boolean> = { expects: 'true or false', schema: { type: 'boolean' } };

export const whole = (minimum: number, maximum: number): FieldType<number> => ({
  expects: `a whole number from ${minimum} to ${maximum}`,
  schema: { type: 'integer', format: maximum < 2 ** 31 ? 'int32' : 'int64', minimum, maximum },
});

/** RFC 3339. The pattern is narrower than the format, which takes times without a zone. */
export const time: FieldType<string> = {
  expects: 'a time such as 2026-01-31T10:00:00Z',
  schema: {
    type: 'string',
    format: 'date-time',
    maxLength: 35,
    pattern: String.raw`^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`,
  },
};

interface ListBounds {
  readonly min?: number;
  readonly max: number;
  /** Member that tells the items apart. */
  readonly key?: string;
}

export function list<T>(items: FieldType<T>, { min, max, key }: ListBounds): FieldType<readonly T[]> {
  const merged = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
  const schema = {
    type: 'array',
    ...(min === undefined ? {} : { minItems: min }),
    maxItems: max,
    ...(key === undefined ? { 'x-kubernetes-list-type': 'atomic' } : merged),
    items: items.schema,
  };
  const { fields, rules } = items;
  const count = `${min === undefined ? 'up to ' : min === max ? '' : `${min} to `}${max}`;
  return {
    schema,
    expects: fields === undefined ? `a list of ${count}, each ${items.expects}` : `a list of ${count}`,
    ...(fields === undefined ? {} : { fields }),
    ...(rules === undefined ? {} : { rules }),
  };
}

/** Names and values. */
export const map = <T>(values: FieldType<T>, max: number): FieldType<Readonly<Record<string, T>>> => ({
  expects: `up to ${max} names, each with ${values.expects}`,
  schema: { type: 'object', maxProperties: max, additionalProperties: values.schema },
});

/** JSON that is kept as it came. */
export const anything: FieldType<Readonly<Record<string, unknown>>> = {
  expects: 'fields of Kubernetes, kept as they are',
  schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};
