/** What the program prints when splunkd asks it for its scheme, or to check a stanza. */
import { SaxesParser } from 'saxes';

/** Why splunkd would not register the scheme. */
export function schemeFault(xml: string): string | undefined {
  const texts = new Map<string, string>();
  const path: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name }) => path.push(name));
  parser.on('text', (text) => texts.set(path.join('/'), text));
  parser.on('closetag', () => path.pop());
  try {
    parser.write(xml).close();
  } catch (error) {
    return String(error);
  }
  if (texts.get('scheme/streaming_mode') !== 'xml') return 'events would be taken for plain text';
  if (texts.get('scheme/use_external_validation') !== 'true') return 'stanzas would not be checked';
  return (texts.get('scheme/title') ?? '') === '' ? 'it has no title' : undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** The message of a refusal; undefined when it is not one line of the form that splunkd shows. */
export function messageIn(stdout: string): string | undefined {
  const [, text] = /^<error><message>([^<>\p{Cc}]+)<\/message><\/error>\n$/u.exec(stdout) ?? [];
  if (text === undefined || /&(?!(lt|gt|amp);)/.test(text)) return undefined;
  return text.replaceAll(/&\w+;/g, (entity) => ENTITIES[entity]!);
}
