/** A view as a tree of elements, each with its line; strict, as Splunk Web's parser is. */
import { SaxesParser } from 'saxes';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Of this element itself, CDATA included. */
  readonly text: string;
  readonly line: number;
}

interface Open {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
  line: number;
}

/** Throws at the first fault of the XML. */
export function parseXml(xml: string): Element {
  const document: Open = { name: '', attributes: {}, children: [], text: '', line: 0 };
  const open = [document];
  const parser = new SaxesParser();
  const addText = (text: string) => (open.at(-1)!.text += text);
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) =>
    open.push({ name, attributes, children: [], text: '', line: parser.line }),
  );
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = open.pop()!;
    open.at(-1)!.children.push(closed);
  });
  parser.write(xml).close();
  return document.children[0]!;
}

export function* descendants(element: Element): Generator<Element> {
  yield element;
  for (const child of element.children) yield* descendants(child);
}
