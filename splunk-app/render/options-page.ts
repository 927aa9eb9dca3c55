/** docs/splunk/options.md: the settings of an input, for readers. */
import { SCHEME } from '../input/options.ts';
import { GROUPED, isRequired, type Setting } from './settings.ts';

export function renderOptionsPage(): string {
  return `# Settings of an input

What the form in Settings → Data inputs and a stanza \`[${SCHEME}://<name>]\` of inputs.conf take. A stanza also takes what Splunk gives every input: \`index\`, \`sourcetype\`, \`source\`, \`host\`, \`disabled\`, \`persistentQueueSize\`.

${GROUPED.map(([group, settings]) => `## ${group}\n\n${settings.map(section).join('\n\n')}`).join('\n\n')}
`;
}

function section([name, option]: Setting): string {
  const facts = [
    `Must be ${option.type.expects}.`,
    ...(isRequired(option) ? ['Required.'] : []),
    ...(option.default === undefined ? [] : [`Default: \`${option.default}\`.`]),
    ...(option.secret === true ? ['Secret.'] : []),
  ];
  return `### ${name}\n\n${option.title}. ${option.text}\n\n${facts.join(' ')}`;
}
