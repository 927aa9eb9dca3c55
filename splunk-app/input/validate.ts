/** Answers `--validate-arguments`: every fault of a stanza in one message that Splunk's form shows. No network, so that an input can be edited during an outage. */
import { configFaults } from '../../base/config.ts';
import { describeError } from '../../base/errors.ts';
import { parseDocument } from './document.ts';
import { parseStanzaOptions } from './stanza.ts';

/** What to print on stdout: nothing when the stanza is good. */
export function validate(xml: string): string {
  try {
    const { kind, stanzas } = parseDocument(xml);
    if (kind !== 'items') throw configFaults(['this is a document to run, not to validate']);
    parseStanzaOptions(stanzas[0]!.params);
    return '';
  } catch (error) {
    return refusal(error);
  }
}

export function refusal(error: unknown): string {
  const text = describeError(error).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  // eslint-disable-next-line no-control-regex -- characters that XML 1.0 can not hold would hide the message
  return `<error><message>${text.toWellFormed().replaceAll(/[\x00-\x1f\ufffe\uffff]/g, ' ')}</message></error>\n`;
}
