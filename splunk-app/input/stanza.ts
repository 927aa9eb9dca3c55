/** The parameters of a stanza, as splunkd sends them, to settings; every fault at once. */
import { configFaults, parseOptions, snake } from '../../base/config.ts';
import { isKinlogError } from '../../base/errors.ts';
import { OPTIONS, type StanzaOptions } from './options.ts';
import { togetherFaults } from './stanza-together.ts';

/** Stands in a stanza for a secret that lies in Splunk's password storage; Splunk itself shows stored passwords so. */
export const MASK = '********';

export type StanzaParams = ReadonlyMap<string, string>;

/** What inputs.conf gives any input; splunkd sends it along and uses it itself. */
const BUILT_INS = new Set(
  `name disabled host index interval source sourcetype start_by_shell run_introspection run_only_one queue queueSize
   persistentQueueSize passAuth send_index_as_argument_for_path crcSalt`.split(/\s+/),
);
const BUILT_IN_GROUP = /^(_|eai:|python\.)/;

const STYLE = { spell: snake };

type Given = Readonly<Record<string, string>>;

/** Names, as stanzas spell them, of the settings that are secret. */
export const SECRET_OPTIONS: readonly string[] = Object.entries(OPTIONS)
  .filter(([, option]) => 'secret' in option)
  .map(([name]) => snake(name));

/** One KINLOG_CONFIG_INVALID for everything that is wrong. A mask passes for a secret and stays in the settings. */
export function parseStanzaOptions(params: StanzaParams): StanzaOptions {
  const own = ownParams(params);
  const faults = [...togetherFaults(own), ...maskFaults(own)];
  let options: StanzaOptions;
  try {
    options = parseOptions(OPTIONS, own, STYLE);
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_CONFIG_INVALID')) throw error;
    throw configFaults([error.message, ...faults]);
  }
  if (faults.length > 0) throw configFaults(faults);
  return options;
}

/** Of an edit that tells only what it changes, and no stream: each value alone. Fails with KINLOG_CONFIG_INVALID. */
export function parseStanzaEdit(params: StanzaParams): void {
  const { streamName: _, ...others } = OPTIONS;
  const own = ownParams(params);
  parseOptions(others, own, STYLE);
  const faults = maskFaults(own);
  if (faults.length > 0) throw configFaults(faults);
}

function ownParams(params: StanzaParams): Given {
  return Object.fromEntries([...params].filter(([name]) => !BUILT_INS.has(name) && !BUILT_IN_GROUP.test(name)));
}

/** Whoever types over a mask may leave a part of it. */
function maskFaults(own: Given): string[] {
  return SECRET_OPTIONS.filter((name) => {
    const value = own[name]?.trim() ?? '';
    return value !== MASK && value.includes('****');
  }).map((name) => `${name} holds a part of the mask: type the whole secret, or leave the mask as it was`);
}
