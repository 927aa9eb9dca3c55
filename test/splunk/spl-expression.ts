/** Expressions of eval and where, as far as this app writes them: parsed, asked which fields they read, and evaluated. A function that is not here is a slip, or belongs here first. */

export type Value = string | number | boolean | undefined;
export type Row = Readonly<Record<string, Value>>;

export type Expression =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] };

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|'([^']*)'|(\d+(?:\.\d+)?)|([A-Za-z_][\w.:]*)|(==|!=|<=|>=|[-+*/.=<>(),]))/y;
/** Weakest first. */
const BINARY = [['OR'], ['AND'], ['=', '==', '!=', '<', '<=', '>', '>='], ['+', '-', '.'], ['*', '/']];

interface Token {
  readonly kind: 'text' | 'field' | 'number' | 'word' | 'sign';
  readonly text: string;
}

/** Throws at what it does not understand. */
export function parseExpression(source: string): Expression {
  const tokens = tokenize(source);
  let at = 0;
  const next = () => tokens[at];
  const take = (text: string) => {
    if (next()?.text !== text) throw new Error(`"${text}" expected in: ${source}`);
    at++;
  };
  const binary = (level: number): Expression => {
    if (level === BINARY.length) return unary();
    let left = binary(level + 1);
    for (let token = next(); token !== undefined && isOperator(token, level); token = next()) {
      at++;
      left = { kind: 'call', name: token.text.toUpperCase(), args: [left, binary(level + 1)] };
    }
    return left;
  };
  const unary = (): Expression => {
    const token = next();
    at++;
    if (token === undefined) throw new Error(`it ends too early: ${source}`);
    if (token.kind === 'text') return { kind: 'value', value: unquote(token.text) };
    if (token.kind === 'number') return { kind: 'value', value: Number(token.text) };
    if (token.kind === 'field') return { kind: 'field', name: token.text };
    if (token.kind === 'word') return word(token.text);
    if (token.text === '-') return { kind: 'call', name: '-', args: [{ kind: 'value', value: 0 }, unary()] };
    if (token.text !== '(') throw new Error(`"${token.text}" is out of place in: ${source}`);
    const inner = binary(0);
    take(')');
    return inner;
  };
  const word = (name: string): Expression => {
    if (name.toUpperCase() === 'NOT') return { kind: 'call', name: 'NOT', args: [unary()] };
    if (next()?.text !== '(') return { kind: 'field', name };
    at++;
    const args: Expression[] = [];
    while (next()?.text !== ')') {
      if (args.length > 0) take(',');
      args.push(binary(0));
    }
    at++;
    if (FUNCTIONS[name] === undefined) throw new Error(`${name}() is no function of eval that is known here`);
    return { kind: 'call', name, args };
  };
  const whole = binary(0);
  if (at < tokens.length) throw new Error(`"${next()!.text}" is out of place in: ${source}`);
  return whole;
}

function isOperator({ kind, text }: Token, level: number): boolean {
  return (kind === 'sign' || kind === 'word') && BINARY[level]!.includes(text.toUpperCase());
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (source.slice(TOKEN.lastIndex).trim() !== '') {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw new Error(`not understood: ${source.slice(from)}`);
    const [, text, field, number, name, sign] = match;
    const of = { text, field, number, word: name, sign };
    const [kind, value] = Object.entries(of).find(([, found]) => found !== undefined)!;
    tokens.push({ kind: kind as Token['kind'], text: value! });
  }
  return tokens;
}

export const unquote = (text: string): string => text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');

export function fieldsIn(expression: Expression): string[] {
  if (expression.kind === 'field') return [expression.name];
  return expression.kind === 'call' ? expression.args.flatMap(fieldsIn) : [];
}

export function evaluate(expression: Expression, row: Row): Value {
  if (expression.kind === 'value') return expression.value;
  if (expression.kind === 'field') return row[expression.name];
  return FUNCTIONS[expression.name]!(expression.args.map((one) => () => evaluate(one, row)));
}

type Lazy = readonly (() => Value)[];

const number = (value: Value): number | undefined => {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)) ? Number(value) : undefined;
};
const text = (value: Value): string | undefined => (value === undefined ? undefined : String(value));

/** A function of a missing value is missing. */
const ofNumbers = (work: (...values: number[]) => Value) => (args: Lazy) => {
  const values = args.map((arg) => number(arg()));
  return values.every((value) => value !== undefined) ? work(...values) : undefined;
};
const ofTexts = (work: (...values: string[]) => Value) => (args: Lazy) => {
  const values = args.map((arg) => text(arg()));
  return values.every((value) => value !== undefined) ? work(...values) : undefined;
};
/** Numbers by their size, everything else by its text; nothing is true of what is missing. */
const compared = (by: (order: number) => boolean) => (args: Lazy) => {
  const [a, b] = args.map((arg) => arg());
  if (a === undefined || b === undefined) return false;
  const [x, y] = [number(a), number(b)];
  if (x !== undefined && y !== undefined) return by(x - y);
  return by(String(a) === String(b) ? 0 : String(a) < String(b) ? -1 : 1);
};

const FUNCTIONS: Readonly<Record<string, (args: Lazy) => Value>> = {
  OR: ([a, b]) => a!() === true || b!() === true,
  AND: ([a, b]) => a!() === true && b!() === true,
  NOT: ([a]) => a!() !== true,
  '=': compared((order) => order === 0),
  '==': compared((order) => order === 0),
  '!=': compared((order) => order !== 0),
  '<': compared((order) => order < 0),
  '<=': compared((order) => order <= 0),
  '>': compared((order) => order > 0),
  '>=': compared((order) => order >= 0),
  '+': ofNumbers((a, b) => a + b),
  '-': ofNumbers((a, b) => a - b),
  '*': ofNumbers((a, b) => a * b),
  '/': ofNumbers((a, b) => (b === 0 ? undefined : a / b)),
  '.': ofTexts((a, b) => a + b),
  if: ([condition, then, otherwise]) => (condition!() === true ? then!() : otherwise!()),
  coalesce: (args) => args.map((arg) => arg()).find((value) => value !== undefined),
  null: () => undefined,
  isnotnull: ([value]) => value!() !== undefined,
  match: ofTexts((value, pattern) => new RegExp(pattern).test(value)),
  replace: ofTexts((value, pattern, by) =>
    value.replaceAll(new RegExp(pattern, 'g'), by.replaceAll(/\\(\d)/g, '$$$1')),
  ),
  substr: ofTexts((value, from, length) => value.slice(Number(from) - 1, Number(from) - 1 + Number(length))),
  lower: ofTexts((value) => value.toLowerCase()),
  len: ofTexts((value) => value.length),
  mvjoin: ofTexts((value) => value),
  strftime: ofTexts((value) => value),
  tonumber: ([value]) => number(value!()),
  round: ([value, digits]) => {
    const [known, places] = [number(value!()), number(digits?.()) ?? 0];
    return known === undefined ? undefined : Number(known.toFixed(places));
  },
  now: () => Date.now() / 1000,
};
