/** Kinds of values that several groups have, and the bounds of the file of `kinlog run` in the words of a schema. */
import type { OptionType } from '../../base/config.ts';
import { group, oneOf, text, whole, type FieldType, type Rule } from './field.ts';

/** With the option's own bounds; `per`: what one of the field is in the option's unit. */
export function numberOf(option: OptionType<number>, per = 1): FieldType<number> {
  const { min, max } = option;
  if (min === undefined || max === undefined) throw new TypeError(`no bounds: ${option.expects}`);
  return whole(Math.ceil(min / per), Math.floor(max / per));
}

export function textOf(option: OptionType<string>, max: number): FieldType<string> {
  if (option.pattern === undefined) throw new TypeError(`no pattern: ${option.expects}`);
  return text(option.expects, { pattern: option.pattern.source, max });
}

/** `words`: what the resource calls each choice. */
export function choiceOf<const W extends Readonly<Record<string, string>>>(
  option: OptionType<W[keyof W]>,
  words: W,
): FieldType<keyof W & string> {
  const known = new Set(Object.values(words));
  if (option.choices?.some((choice) => !known.has(choice)) !== false) throw new TypeError(`not ${option.expects}`);
  return oneOf(...Object.keys(words));
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
/** Of an object: a DNS subdomain. */
export const objectName = (what: string): FieldType<string> =>
  text(`the name of ${what}`, { pattern: String.raw`^${LABEL}(\.${LABEL})*$`, max: 253 });
export const keyName = text('a key', { pattern: '^[-._a-zA-Z0-9]+$', max: 253 });

/** A key of a Secret or a ConfigMap in the same namespace. */
export const keyOf = (kind: 'Secret' | 'ConfigMap', holds: string) =>
  group({
    name: {
      type: objectName(`a ${kind}`),
      text: `Name of the ${kind}, in the namespace of the LogStream.`,
      required: true,
    },
    key: { type: keyName, text: `Key in it that holds ${holds}.`, required: true },
  });

export const labelValue = text('a label value', {
  pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
  min: 0,
  max: 63,
});
export const annotationValue = text('text', { min: 0, max: 65_536 });
/** Printable, without line breaks. */
export const plain = (expects: string, max: number): FieldType<string> =>
  text(expects, { pattern: String.raw`^[^\x00-\x1f\x7f]*[!-~][^\x00-\x1f\x7f]*$`, max });

export const role = text('the ARN of a role', {
  pattern: String.raw`^arn:[\w-]+:iam::\d{12}:role/[!-~]+$`,
  min: 20,
  max: 2048,
});
/** ExternalId and RoleSessionName in the API reference of AssumeRole. */
export const externalId = text('an external id', { pattern: '^[\\w+=,.@:/-]+$', min: 2, max: 1224 });
export const sessionName = text('2 to 64 letters, digits or _+=,.@-', { pattern: '^[\\w+=,.@-]+$', min: 2, max: 64 });

/** 1Gi, 500Mi and so on; whole, positive. */
export const size = text('a size such as 1Gi', { pattern: '^[1-9][0-9]*(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$', max: 24 });
/** As Kubernetes itself takes quantities. */
export const quantity: FieldType<string | number> = {
  expects: 'a quantity such as 100m or 256Mi',
  schema: {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    maxLength: 32,
    pattern: String.raw`^\+?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$`,
    'x-kubernetes-int-or-string': true,
  },
};

const PART = '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?';
/** A last part that begins with a digit would be read as a part of an IPv4 address. */
const HOST = String.raw`(${PART}\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?\.?`;
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = String.raw`${OCTET}(\.${OCTET}){3}`;
const HEX = '[0-9a-fA-F]{1,4}';
const HALVES = [1, 2, 3, 4, 5, 6].map((after) => `(${HEX}:){1,${7 - after}}(:${HEX}){1,${after}}`);
const IPV6 = String.raw`\[(${[`(${HEX}:){7}${HEX}`, `(${HEX}:){1,7}:`, ...HALVES, `:(:${HEX}){1,7}`, '::'].join('|')})\]`;
const PORT = '(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?';
const ANY_HOST = `(${HOST}|${IPV4}|${IPV6})`;
const THIS_HOST = String.raw`(localhost|127(\.${OCTET}){3}|\[::1\])`;

/** By a rule, because a pattern is shown as it is to whoever does not match it, and these fill a page. */
const matching = (expects: string, pattern: string, max: number): FieldType<string> => {
  const { schema } = text(expects, { max });
  const rule: Rule = { rule: `self.matches(r'${pattern}')`, message: `must be ${expects}` };
  return { expects, schema: { ...schema, 'x-kubernetes-validations': [rule] } };
};

/** Without a user and a password: a URL is shown to everybody. */
export const address = matching(
  'an address such as https://host:port, without a password',
  `^https?://${ANY_HOST}${PORT}(/[!-~]*)?$`,
  1024,
);
/** A token goes there, which must not travel in the clear. */
export const secureAddress = (example: string): FieldType<string> =>
  matching(
    `an address such as ${example}, without a path; http only within the pod, on localhost`,
    `^(https://${ANY_HOST}|http://${THIS_HOST})${PORT}/?$`,
    512,
  );

/** Exactly one of the members. */
export const exactlyOne = (a: string, b: string): Rule => ({
  rule: `has(self.${a}) != has(self.${b})`,
  message: `must have exactly one of ${a} and ${b}`,
});

/** A member is only there for its value of the discriminator. */
export const memberOf = (discriminator: string, value: string, member: string): Rule => ({
  rule: `self.${discriminator} == '${value}' || !has(self.${member})`,
  message: `${member} is for ${discriminator} ${value} only`,
  fieldPath: `.${member}`,
  reason: 'FieldValueForbidden',
});

export const needsMember = (discriminator: string, value: string, member: string): Rule => ({
  rule: `self.${discriminator} != '${value}' || has(self.${member})`,
  message: `${discriminator} ${value} needs ${member}`,
  fieldPath: `.${member}`,
  reason: 'FieldValueRequired',
});

/** `needed` makes sense of `field`. */
export const needs = (field: string, needed: string): Rule => ({
  rule: `has(self.${needed}) || !has(self.${field})`,
  message: `${field} is of no use without ${needed}`,
  fieldPath: `.${field}`,
  reason: 'FieldValueForbidden',
});

/** Exactly when the type is AtTimestamp. */
export const TIMED: Rule = {
  rule: `(self.type == 'AtTimestamp') == has(self.timestamp)`,
  message: 'type AtTimestamp needs a timestamp, and no other type takes one',
  fieldPath: '.timestamp',
};
