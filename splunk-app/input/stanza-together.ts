/** What settings of a stanza mean together, where no option can judge alone. Pure. */

import { arnRegion } from '../../base/stream.ts';

/** By the names that stanzas spell; without the empty ones. */
type Values = ReadonlyMap<string, string>;

export function togetherFaults(own: Readonly<Record<string, string>>): string[] {
  const given = new Map(
    Object.entries(own)
      .map(([name, value]) => [name, value.trim()] as const)
      .filter(([, value]) => value !== ''),
  );
  return [regionFaults, keyFaults, companionFaults, storeFaults, outputFaults].flatMap((faultsIn) => faultsIn(given));
}

const is = (given: Values, name: string, value: string): boolean => given.get(name)?.toLowerCase() === value;

function regionFaults(given: Values): string[] {
  const stream = given.get('stream_name');
  const region = given.get('aws_region');
  if (stream === undefined) return [];
  const inArn = arnRegion(stream);
  if (inArn === undefined)
    return region === undefined && !stream.startsWith('arn:')
      ? ['aws_region is missing: a stream that is given by name needs it']
      : [];
  return region === undefined || region === inArn
    ? []
    : [`aws_region is "${region}" but the ARN in stream_name lies in "${inArn}": clear one of them`];
}

function keyFaults(given: Values): string[] {
  const faults: string[] = [];
  const key = given.has('aws_access_key_id');
  const secret = given.has('aws_secret_access_key');
  if (key && !secret) faults.push('aws_secret_access_key is missing: aws_access_key_id needs it');
  if (secret && !key) faults.push('aws_access_key_id is missing: aws_secret_access_key needs it');
  if (given.has('aws_credential') && (key || secret))
    faults.push('aws_credential and aws_access_key_id are both given: clear one of them');
  return faults;
}

/** Settings that mean nothing alone, with what they belong to. */
const COMPANIONS = [
  ['aws_external_id', 'aws_role_arn'],
  ['sts_endpoint', 'aws_role_arn'],
] as const;

function companionFaults(given: Values): string[] {
  const faults = COMPANIONS.filter(([name, other]) => given.has(name) && !given.has(other)).map(
    ([name, other]) => `${name} is of no use without ${other}`,
  );
  const registers = /^(1|true|yes|y|t|on)$/i.test(given.get('fan_out_register') ?? '');
  if (registers && !given.has('fan_out_consumer'))
    faults.push('fan_out_consumer is missing: fan_out_register needs its name');
  return faults;
}

const TABLE_ONLY = ['checkpoint_table', 'checkpoint_table_capacity', 'dynamodb_endpoint'];

function storeFaults(given: Values): string[] {
  if (is(given, 'checkpoint_store', 'dynamodb'))
    return given.has('checkpoint_table') ? [] : ['checkpoint_table is missing: checkpoint_store dynamodb needs it'];
  const faults = TABLE_ONLY.filter((name) => given.has(name)).map(
    (name) => `${name} is of no use unless checkpoint_store is dynamodb`,
  );
  if (is(given, 'checkpoint_store', 'kvstore')) return faults;
  if (is(given, 'other_readers', 'refuse'))
    faults.push('other_readers refuse needs a checkpoint_store that other hosts see: kvstore or dynamodb');
  if (is(given, 'run_on', 'captain'))
    faults.push('run_on captain needs a checkpoint_store that moves with the captain: kvstore or dynamodb');
  return faults;
}

const HEC_ONLY = ['hec_url', 'hec_credential', 'hec_token', 'hec_ca_file', 'dead_letter_file'];

function outputFaults(given: Values): string[] {
  if (!is(given, 'output', 'hec'))
    return HEC_ONLY.filter((name) => given.has(name)).map((name) => `${name} is of no use unless output is hec`);
  const faults = given.has('hec_url') ? [] : ['hec_url is missing: output hec needs it'];
  if (given.has('hec_credential') && given.has('hec_token'))
    faults.push('hec_credential and hec_token are both given: clear one of them');
  if (!given.has('hec_credential') && !given.has('hec_token'))
    faults.push('hec_credential is missing: output hec needs a token that is stored on the set-up page');
  return faults;
}
