/** The XML documents that splunkd writes to the stdin of a modular input. */

/** What splunkd says of itself. */
export interface Head {
  readonly serverUri: string;
  readonly sessionKey: string;
  readonly checkpointDir: string;
}

export interface Setting {
  readonly name?: string;
  readonly params: Readonly<Record<string, string>>;
}

/** To run these stanzas. */
export function inputDocument(head: Head, stanzas: readonly Setting[]): string {
  const inner = stanzas.map(
    ({ name = 'prod', params }) =>
      `<stanza name="kinesis_log://${escape(name)}" app="kinloader">${paramsXml(params)}</stanza>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<input>${headXml(head)}<configuration>${inner.join('')}</configuration></input>\n`;
}

/** To check this one. */
export function itemsDocument(head: Head, { name = 'prod', params }: Setting): string {
  return `<?xml version="1.0" encoding="UTF-8"?><items>${headXml(head)}<item name="${escape(name)}">${paramsXml(params)}</item></items>\n`;
}

const headXml = ({ serverUri, sessionKey, checkpointDir }: Head) =>
  `<server_host>hf1</server_host><server_uri>${serverUri}</server_uri><session_key>${sessionKey}</session_key><checkpoint_dir>${escape(checkpointDir)}</checkpoint_dir>`;

const paramsXml = (params: Readonly<Record<string, string>>) =>
  Object.entries(params)
    .map(([name, value]) => `<param name="${escape(name)}">${escape(value)}</param>`)
    .join('');

/** Whatever XML can hold; what it can not is not what a form sends. */
const escape = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
