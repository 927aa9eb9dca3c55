/** Answers `--validate-arguments`: every fault of a stanza in one message that Splunk's form shows. The network is asked only where the stanza says so, so that an input can be edited during an outage. */
import { systemClock } from '../../base/clock.ts';
import { configFaults } from '../../base/config.ts';
import { describeError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { parseDocument, type InputDocument, type Stanza } from './document.ts';
import type { StanzaOptions } from './options.ts';
import { parseStanzaEdit, parseStanzaOptions } from './stanza.ts';

export interface ValidateContext {
  readonly log: EventLog;
  readonly env?: NodeJS.ProcessEnv;
  /** For the whole check of the connection, milliseconds. */
  readonly withinMs?: number;
}

/** Splunk Web waits for the answer. */
const CHECK_WITHIN_MS = 8000;
/** Of that time, for the services; the rest is for splunkd, which has the secrets. */
const SHARE_OF_SERVICES = 0.6;

/** What to print on stdout: nothing when the stanza is good. */
export async function validate(xml: string, context: ValidateContext): Promise<string> {
  try {
    const document = parseDocument(xml);
    const { kind, stanzas } = document;
    if (kind !== 'items') throw configFaults(['this is a document to run, not to validate']);
    const stanza = stanzas[0]!;
    // An edit may tell only what it changes, as ours does when it masks a secret. splunkd itself refuses a new stanza without a stream.
    if (!stanza.params.has('stream_name')) parseStanzaEdit(stanza.params);
    else {
      const options = parseStanzaOptions(stanza.params);
      if (options.checkConnection) await checkConnection({ document, stanza, options }, context);
    }
    return '';
  } catch (error) {
    return refusal(error);
  }
}

interface Checked {
  readonly document: InputDocument;
  readonly stanza: Stanza;
  readonly options: StanzaOptions;
}

async function checkConnection({ document, stanza, options }: Checked, context: ValidateContext): Promise<void> {
  const { log, env = process.env, withinMs = CHECK_WITHIN_MS } = context;
  // Only here: validation without a check needs none of it.
  const [{ connectionFaults }, { readSecrets }, { Splunkd }] = await Promise.all([
    import('./check.ts'),
    import('./secrets.ts'),
    import('./splunkd.ts'),
  ]);
  const splunkd = new Splunkd({ url: document.serverUri, sessionKey: document.sessionKey, env });
  const over = new AbortController();
  const signal = over.signal;
  const late = new KinlogError('KINLOG_SERVICE_UNAVAILABLE', `splunkd did not answer within ${withinMs / 1000} s`);
  void systemClock.sleep(withinMs, signal).then(
    () => over.abort(late),
    () => undefined,
  );
  try {
    const secrets = await readSecrets({ stanza, options, splunkd, signal });
    const check = { options, secrets, splunkd, log, withinMs: withinMs * SHARE_OF_SERVICES };
    const faults = await connectionFaults(check, signal);
    if (faults.length > 0) throw new KinlogError('KINLOG_CONFIG_INVALID', faults.join(' | '), { remedy: SWITCH_OFF });
  } finally {
    over.abort();
    await splunkd.close();
  }
}

const SWITCH_OFF = 'To save the input all the same, switch off check_connection.';

export function refusal(error: unknown): string {
  const text = describeError(error).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  // eslint-disable-next-line no-control-regex -- characters that XML 1.0 can not hold would hide the message
  return `<error><message>${text.toWellFormed().replaceAll(/[\x00-\x1f\ufffe\uffff]/g, ' ')}</message></error>\n`;
}
