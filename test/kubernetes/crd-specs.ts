/** Random specs of LogStreams, made from the tables of the schema; rules over several fields are kept where a few words are enough. Some of them as two people would write them. */
import fc from 'fast-check';
import type { FieldType } from '../../operator/crd/field.ts';
import { spec } from '../../operator/crd/spec.ts';

type Group = Record<string, unknown>;

function valuesOf(type: FieldType<unknown>): fc.Arbitrary<unknown> {
  const { schema } = type;
  const { items, additionalProperties: values } = schema as Record<string, FieldType<unknown>['schema'] | undefined>;
  if (schema['type'] === 'array') return listOf({ ...type, schema: items! }, schema);
  if (type.fields !== undefined) return groupOf(type);
  if (values !== undefined) return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), leaf(values), { maxKeys: 3 });
  return leaf(schema);
}

function groupOf({ fields = {} }: FieldType<unknown>): fc.Arbitrary<Group> {
  const members = Object.entries(fields).map(([name, { type }]) => [name, valuesOf(type)] as const);
  const requiredKeys = Object.keys(fields).filter((name) => fields[name]!.required === true);
  return fc.record(Object.fromEntries(members), { requiredKeys });
}

function listOf(item: FieldType<unknown>, { minItems = 0, maxItems, ...schema }: FieldType<unknown>['schema']) {
  const [key] = (schema['x-kubernetes-list-map-keys'] ?? []) as string[];
  const bounds = { minLength: Number(minItems), maxLength: Math.min(3, Number(maxItems)) };
  if (key === undefined) return fc.array(valuesOf(item), bounds);
  return fc.uniqueArray(valuesOf(item), { ...bounds, selector: (one) => (one as Group)[key] });
}

/** Of a schema, or of the only rule of a text. */
function patternOf({ pattern, 'x-kubernetes-validations': rules }: FieldType<unknown>['schema']): string | undefined {
  const [rule] = (rules ?? []) as { readonly rule: string }[];
  return rule === undefined ? (pattern as string | undefined) : /^self\.matches\(r'(.*)'\)$/.exec(rule.rule)![1];
}

function leaf(schema: FieldType<unknown>['schema']): fc.Arbitrary<unknown> {
  const { type, enum: choices, minimum, maximum, format, minLength = 0, maxLength } = schema;
  if (choices !== undefined) return fc.constantFrom(...(choices as string[]));
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: Number(minimum), max: Number(maximum) });
  if (type === 'object') return fc.constant({});
  if (format === 'date-time')
    return fc
      .date({ min: new Date('1971-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  const pattern = patternOf(schema);
  if (pattern === undefined)
    return fc.string({ minLength: Number(minLength), maxLength: Math.min(50, Number(maxLength)) });
  return fc
    .stringMatching(new RegExp(pattern))
    .filter(({ length }) => length >= Number(minLength) && length <= Number(maxLength));
}

const without = (group: Group, ...names: string[]): Group =>
  Object.fromEntries(Object.entries(group).filter(([name]) => !names.includes(name)));

/** Members that belong to another value of the discriminator are taken away. */
const union = (group: Group, type: unknown, members: Record<string, string>): Group =>
  without(group, ...Object.keys(members).filter((member) => members[member] !== type));

const timed = (position: Group | undefined): Group | undefined =>
  position?.['type'] === 'AtTimestamp'
    ? { timestamp: '2026-01-31T10:00:00Z', ...position }
    : position && without(position, 'timestamp');
const roled = (group: Group): Group => ('roleArn' in group ? group : without(group, 'externalId', 'sessionName'));

/** Exactly one of two, the first where both are. */
const one = (group: Group, a: string, b: string): Group => (a in group ? without(group, b) : group);

/** `change` of a member that is there. */
function at(group: Group, name: string, change: (member: Group) => Group | undefined): Group {
  return name in group ? { ...group, [name]: change(group[name] as Group) } : group;
}

const trust = (group: Group): Group =>
  at(group, 'tls', (tls) => at(tls, 'ca', (ca) => one(ca, 'secretRef', 'configMapRef')));

function mendSource(given: Group): Group {
  const byName = at(at(one(given, 'streamName', 'streamArn'), 'startPosition', timed), 'onLostPosition', timed);
  const placed = 'streamArn' in byName ? without(byName, 'region') : { region: 'eu-west-1', ...byName };
  const moded = union(placed, placed['mode'] ?? 'Polling', { polling: 'Polling', enhancedFanOut: 'EnhancedFanOut' });
  const pushed = at(moded, 'enhancedFanOut', (fanOut) => {
    if ('consumerName' in fanOut) return without(fanOut, 'consumerArn');
    const ofName = `arn:aws:kinesis:eu-west-1:123456789012:stream/${String(moded['streamName'])}`;
    const stream = (moded['streamArn'] as string | undefined) ?? ofName;
    return { consumerArn: `${stream}/consumer/splunk:1700000000` };
  });
  const authed = at(pushed, 'auth', (auth) => union(roled(auth), auth['type'], { secretRef: 'Secret' }));
  const hasRole = 'roleArn' in ((authed['auth'] as Group | undefined) ?? {});
  return trust(hasRole ? authed : without(authed, 'stsEndpoint'));
}

const claim = (volume: Group): Group =>
  'existingClaim' in volume ? without(volume, 'storageClassName', 'size', 'accessMode') : volume;

function mendCheckpoint(given: Group): Group {
  const members = { dynamoDB: 'DynamoDB', splunkKVStore: 'SplunkKVStore', levelDB: 'LevelDB' };
  const typed = union(given, given['type'] ?? 'DynamoDB', members);
  return at(at(at(typed, 'dynamoDB', roled), 'levelDB', claim), 'splunkKVStore', trust);
}

function mendHec(given: Group): Group {
  return trust(
    at(given, 'acknowledgement', (ack) => (ack['mode'] === 'Required' ? ack : without(ack, 'timeoutSeconds'))),
  );
}

/** What is left of broken rules the server refuses. */
export const specs = groupOf(spec).map((given) => {
  const outputs = (given['outputs'] as Group[]).map((output) =>
    at(union(output, output['type'], { splunkHEC: 'SplunkHEC' }), 'splunkHEC', mendHec),
  );
  const mended = at({ ...at(given, 'source', mendSource), outputs }, 'checkpoint', mendCheckpoint);
  const account = at(mended, 'serviceAccount', (kept) =>
    kept['create'] === false ? without(kept, 'annotations') : kept,
  );
  const lettered = at(account, 'deadLetters', (letters) => at(letters, 'volume', claim));
  const alone = 'deadLetters' in lettered || (lettered['checkpoint'] as Group | undefined)?.['type'] === 'LevelDB';
  const updated = alone ? without(lettered, 'updateStrategy') : lettered;
  const rests = updated['paused'] === true || updated['replicas'] === 0;
  const resting = rests ? updated : without(updated, 'resetRequest');
  return at(resting, 'resetRequest', (reset) => at(reset, 'position', timed));
});

/** Of the same amount. */
type Spellings = readonly [string | number, string | number, ...(string | number)[]];

const CPU: readonly Spellings[] = [
  ['0.5', '500m', '.5', '500000u'],
  [1, '1', '1000m', '1e0'],
  ['0.25', '250m', '0.250'],
];
const BYTES: readonly Spellings[] = [
  ['1Gi', '1024Mi', '1048576Ki'],
  ['256Mi', '0.25Gi', 268_435_456],
  ['128M', '128000k', '128e6'],
];
/** Sizes of volumes are whole numbers. */
const SIZES: readonly Spellings[] = [
  ['1Gi', '1024Mi', '1048576Ki'],
  ['2G', '2000M', '2000000000'],
];

/** One amount, spelled in two ways. */
const spelled = (amounts: readonly Spellings[]) =>
  fc.constantFrom(...amounts).chain((ways) => fc.tuple(fc.constantFrom(...ways), fc.constantFrom(...ways)));

/** Two specs that mean the same. */
export interface SpelledTwice {
  readonly one: Group;
  readonly other: Group;
}

/** What a node has room for and somebody provides; elsewhere the names of classes and amounts are anything. */
export const spelledTwice: fc.Arbitrary<SpelledTwice> = fc
  .record({ spec: specs, cpu: spelled(CPU), memory: spelled(BYTES), size: spelled(SIZES), limited: fc.boolean() })
  .map(({ spec: given, cpu, memory, size, limited }) => {
    const [one, other] = [0, 1].map((way) => {
      const amounts = { cpu: cpu[way], memory: memory[way] };
      const resources = { requests: amounts, ...(limited && { limits: amounts }) };
      const volumes = [{ name: 'more', emptyDir: { sizeLimit: memory[way] } }];
      const provided = (volume: Group): Group =>
        'existingClaim' in volume ? volume : { ...without(volume, 'storageClassName'), size: size[way] };
      const kept = at(given, 'checkpoint', (store) => at(store, 'levelDB', provided));
      const lettered = at(kept, 'deadLetters', (letters) => at(letters, 'volume', provided));
      const { metadata } = (given['podTemplate'] ?? {}) as Group;
      return {
        ...lettered,
        resources,
        podTemplate: { ...(metadata !== undefined && { metadata }), spec: { volumes } },
      };
    });
    return { one: one!, other: other! };
  });
