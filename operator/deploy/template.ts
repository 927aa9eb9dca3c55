/** YAML of one tree of values, in which some may be left for Helm to fill in; see https://helm.sh/docs/chart_template_guide/ */

const FILLED = Symbol('filled');

/** A scalar that Helm works out: what stands between `{{` and `}}`, with text around it. */
interface Scalar {
  readonly [FILLED]: 'scalar';
  readonly text: string;
}

/** A map or list that Helm takes from the values. */
interface Block {
  readonly [FILLED]: 'block';
  readonly expression: string;
}

/** An entry of a map or list that is there when Helm's condition holds. */
interface Conditional {
  readonly [FILLED]: 'conditional';
  readonly condition: string;
  readonly node: Node;
}

export const filled = (text: string): Node => ({ [FILLED]: 'scalar', text });
/** Left out, with its key, when it is empty. */
export const filledBlock = (expression: string): Node => ({ [FILLED]: 'block', expression });
export const when = (condition: string, node: Node): Node => ({ [FILLED]: 'conditional', condition, node });

export type Node = string | number | boolean | Scalar | Block | Conditional | readonly Node[] | Tree | undefined;

/** A key that begins with `<<` names nothing: its block lies among the other entries. */
export interface Tree {
  readonly [key: string]: Node;
}

export function yamlOf(tree: Tree): string {
  return entries(tree, 0).join('\n') + '\n';
}

function entries(tree: Tree, depth: number): string[] {
  return Object.entries(tree).flatMap(([key, node]) => (node === undefined ? [] : entry(key, node, depth)));
}

function entry(key: string, node: Exclude<Node, undefined>, depth: number): string[] {
  const pad = ' '.repeat(depth);
  if (is(node, 'conditional')) return conditional(node, (inner) => entry(key, inner, depth));
  if (is(node, 'block')) {
    const among = key.startsWith('<<');
    const block = `${' '.repeat(among ? depth : depth + 2)}{{- toYaml . | nindent ${among ? depth : depth + 2} }}`;
    return [`{{- with ${node.expression} }}`, ...(among ? [] : [`${pad}${quoted(key)}:`]), block, '{{- end }}'];
  }
  if (isList(node)) return list(key, node, depth);
  if (isTree(node)) {
    const inner = entries(node, depth + 2);
    return inner.length === 0 ? [`${pad}${quoted(key)}: {}`] : [`${pad}${quoted(key)}:`, ...inner];
  }
  return [`${pad}${quoted(key)}: ${scalar(node)}`];
}

function list(key: string, nodes: readonly Node[], depth: number): string[] {
  const pad = ' '.repeat(depth);
  const there = nodes.filter((node) => node !== undefined);
  if (there.length === 0) return [`${pad}${quoted(key)}: []`];
  return [`${pad}${quoted(key)}:`, ...there.flatMap((node) => item(node, depth + 2))];
}

function item(node: Exclude<Node, undefined>, depth: number): string[] {
  const pad = ' '.repeat(depth);
  if (is(node, 'conditional')) return conditional(node, (inner) => item(inner, depth));
  if (is(node, 'block'))
    return [`{{- with ${node.expression} }}`, `${pad}{{- toYaml . | nindent ${depth} }}`, '{{- end }}'];
  if (isList(node)) throw new Error('a list in a list has no use in a manifest');
  if (!isTree(node)) return [`${pad}- ${scalar(node)}`];
  const [first = '{}', ...rest] = entries(node, depth + 2);
  return [`${pad}- ${first.trimStart()}`, ...rest];
}

function conditional({ condition, node }: Conditional, lines: (inner: Exclude<Node, undefined>) => string[]): string[] {
  return node === undefined ? [] : [`{{- if ${condition} }}`, ...lines(node), '{{- end }}'];
}

function scalar(value: string | number | boolean | Scalar): string {
  if (is(value, 'scalar')) return value.text;
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** Plain where YAML can not take it for anything else, in JSON's way elsewhere, which YAML reads too. */
function quoted(text: string): string {
  const plain = /^[A-Za-z/][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}

function is<Kind extends 'scalar' | 'block' | 'conditional'>(
  node: Node,
  kind: Kind,
): node is Extract<Scalar | Block | Conditional, { [FILLED]: Kind }> {
  return typeof node === 'object' && FILLED in node && node[FILLED] === kind;
}

function isList(node: Node): node is readonly Node[] {
  return Array.isArray(node);
}

function isTree(node: Node): node is Tree {
  return typeof node === 'object' && !Array.isArray(node) && !(FILLED in node);
}
