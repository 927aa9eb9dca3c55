/** The answer to `--scheme`. */
import { SCHEME_TEXT, SCHEME_TITLE } from '../input/options.ts';
import { escapeXml, isRequired, SETTINGS } from './settings.ts';

export function renderScheme(): string {
  const args = SETTINGS.map(
    ([name, option]) =>
      `<arg name="${name}"><title>${escapeXml(option.title)}</title><description>${escapeXml(option.text)}</description>` +
      `<data_type>${option.type.kind}</data_type><required_on_edit>false</required_on_edit>` +
      `<required_on_create>${isRequired(option)}</required_on_create></arg>`,
  );
  return [
    `<scheme><title>${escapeXml(SCHEME_TITLE)}</title><description>${escapeXml(SCHEME_TEXT)}</description>`,
    '<use_external_validation>true</use_external_validation>',
    '<use_single_instance>false</use_single_instance><streaming_mode>xml</streaming_mode><endpoint><args>',
    ...args,
    '</args></endpoint></scheme>\n',
  ].join('\n');
}
