/** What a CRD of another version lets through: an older one does not fill in every field, a newer one takes words that this operator does not know. Pure. */
import type { FieldType } from '../crd/field.ts';
import { spec } from '../crd/spec.ts';
import type { LogStream } from '../logstream.ts';
import type { Problem } from '../reconcile/facts.ts';

/** Fields that nobody here knows are no fault: a newer CRD fills them in for LogStreams that have never heard of them. */
export function versionProblems(stream: LogStream): readonly Problem[] {
  return faultsIn(spec, stream.spec, 'spec');
}

/** The CRD that it was read with leaves out what the operator takes for granted. */
export const isCrdOutdated = (stream: LogStream): boolean =>
  versionProblems(stream).some(({ reason }) => reason === 'CRDOutdated');

function faultsIn(type: FieldType<unknown>, value: unknown, at: string): Problem[] {
  const { enum: words } = type.schema as { enum?: readonly unknown[] };
  if (words?.includes(value) === false) return [unknownWord(at, value, words)];
  if (type.fields === undefined || typeof value !== 'object' || value === null) return [];
  // Its items are described by the type of the list.
  if (Array.isArray(value)) return value.flatMap((item, i) => faultsIn(type, item, `${at}[${i}]`));
  return Object.entries(type.fields).flatMap(([name, field]) => {
    const member = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    if (member !== undefined) return faultsIn(field.type, member, `${at}.${name}`);
    return field.default === undefined ? [] : [notFilledIn(`${at}.${name}`)];
  });
}

const notFilledIn = (at: string): Problem => ({
  reason: 'CRDOutdated',
  message: `The CRD in the cluster does not know ${at}: it is older than the operator. Install the CRD of this version of the operator.`,
});

const unknownWord = (at: string, value: unknown, known: readonly unknown[]): Problem => ({
  reason: 'InvalidConfig',
  message: `${at} ${JSON.stringify(value)} is of a later version than the operator, which knows ${known.join(', ')}. Upgrade the operator, or take one of these.`,
});
