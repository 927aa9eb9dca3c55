/** The XML documents that splunkd writes to stdin: what to run, or what to check. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { KinlogError } from '../../base/errors.ts';

export interface Stanza {
  /** Full name, `kinesis_log://prod`, as events name it; for a validation only `prod`. */
  readonly name: string;
  /** App whose inputs.conf holds the stanza; empty when the document does not say. */
  readonly app: string;
  /** Values as text; those of a list are joined by commas. */
  readonly params: ReadonlyMap<string, string>;
}

export interface InputDocument {
  /** `input`: run these stanzas; `items`: check this one. */
  readonly kind: 'input' | 'items';
  /** Directory for positions, shared by all stanzas of the scheme; may not exist yet. */
  readonly checkpointDir: string;
  /** splunkd's management address, such as https://127.0.0.1:8089; empty when the document does not say. */
  readonly serverUri: string;
  /** Lets the input call splunkd for as long as it runs; a secret. */
  readonly sessionKey: string;
  readonly stanzas: readonly Stanza[];
}

/** With `preserveOrder` a node is one key (its tag) with its children, `:@` with its attributes, or `#text`. */
type Node = Readonly<Record<string, unknown>>;

const ATTRIBUTES = ':@';
const TEXT = '#text';
const CDATA = '#cdata';

// Entities are decoded here, not by the parser: it leaves character references alone and expands what a DOCTYPE declares.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: CDATA,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/** Throws KINLOG_INPUT_INVALID, with what is wrong and never with a value of the document. */
export function parseDocument(xml: string): InputDocument {
  const root = rootOf(xml);
  const kind = tagOf(root);
  if (kind !== 'input' && kind !== 'items') throw malformed(`its root is <${kind}>, not <input> or <items>`);
  const children = childrenOf(root);
  const holder =
    kind === 'items' ? children : children.filter((node) => tagOf(node) === 'configuration').flatMap(childrenOf);
  const stanzas = holder.filter((node) => tagOf(node) === (kind === 'items' ? 'item' : 'stanza')).map(stanzaOf);
  if (kind === 'items' && stanzas.length !== 1) throw malformed(`it holds ${stanzas.length} <item> instead of one`);
  const said = (tag: string): string => {
    const node = children.find((child) => tagOf(child) === tag);
    return node === undefined ? '' : textOf(node).trim();
  };
  const splunkd = { serverUri: said('server_uri'), sessionKey: said('session_key') };
  return { kind, stanzas, checkpointDir: said('checkpoint_dir'), ...splunkd };
}

function rootOf(xml: string): Node {
  if (xml.trim() === '') throw malformed('it is empty');
  if (xml.includes('<!DOCTYPE')) throw malformed('it holds a DOCTYPE');
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the parser alone takes malformed documents; its successor is a package that nothing else needs
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw malformed(`it is not well-formed XML (line ${valid.err.line}, column ${valid.err.col})`);
  const roots = (parser.parse(xml) as Node[]).filter((node) => !(TEXT in node));
  if (roots.length !== 1) throw malformed('it has no single root element');
  return roots[0]!;
}

function stanzaOf(node: Node): Stanza {
  const name = attribute(node, 'name');
  const params = new Map<string, string>();
  for (const child of childrenOf(node)) {
    const tag = tagOf(child);
    if (tag !== 'param' && tag !== 'param_list') throw malformed(`stanza ${name} holds an unknown element <${tag}>`);
    const values = childrenOf(child).filter((value) => tagOf(value) === 'value');
    params.set(attribute(child, 'name'), tag === 'param' ? textOf(child) : values.map(textOf).join(','));
  }
  return { name, app: (node[ATTRIBUTES] as Record<string, string> | undefined)?.['app'] ?? '', params };
}

function tagOf(node: Node): string {
  return Object.keys(node).find((key) => key !== ATTRIBUTES) ?? '';
}

/** Elements only. */
function childrenOf(node: Node): Node[] {
  return (node[tagOf(node)] as Node[]).filter((child) => !(TEXT in child) && !(CDATA in child));
}

function textOf(node: Node): string {
  const pieces = (node[tagOf(node)] as Node[]).map((child) => {
    const text = child[TEXT];
    if (typeof text === 'string') return decodeEntities(text);
    return CDATA in child ? ((child[CDATA] as { [TEXT]: string }[])[0]?.[TEXT] ?? '') : '';
  });
  return pieces.join('');
}

function attribute(node: Node, name: string): string {
  const value = (node[ATTRIBUTES] as Record<string, string> | undefined)?.[name];
  if (value === undefined || value === '') throw malformed(`a <${tagOf(node)}> has no ${name}`);
  return decodeEntities(value);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(raw: string): string {
  return raw.replaceAll(/&([^;&\s]{0,10});?/g, (whole, name: string) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name);
    const point = code === null ? NaN : parseInt(code[1] ?? code[2]!, code[1] === undefined ? 10 : 16);
    const decoded = point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : NAMED[name];
    if (decoded === undefined || !whole.endsWith(';')) throw malformed('it holds an unknown entity');
    return decoded;
  });
}

function malformed(what: string): KinlogError {
  return new KinlogError('KINLOG_INPUT_INVALID', `the configuration on stdin can not be read: ${what}`);
}
