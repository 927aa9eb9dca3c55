/** README/inputs.conf.spec: every setting of a stanza, as Splunk's own spec files describe theirs. */
import { SCHEME, SCHEME_TEXT } from '../input/options.ts';
import { isRequired, SETTINGS } from './settings.ts';

export function renderSpec(): string {
  const settings = SETTINGS.map(([name, option]) =>
    [
      `${name} = <${option.type.kind}>`,
      `* ${option.text}`,
      `* Must be ${option.type.expects}.`,
      ...(isRequired(option) ? ['* Required.'] : []),
      ...(option.default === undefined ? [] : [`* Default: ${option.default}`]),
    ].join('\n'),
  );
  return `[${SCHEME}://<name>]\n* ${SCHEME_TEXT}\n\n${settings.join('\n\n')}\n`;
}
