/** Keeps secrets out of what is printed: those that are known, and what looks like one in lines of a log. */

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  // Shorter ones are no secrets, and would tear every word apart.
  return secrets.filter(({ length }) => length >= 4).reduce((words, secret) => words.replaceAll(secret, '…'), text);
}

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\/\/[^/\s@]*@/g, '//…@'],
  [/\b((?:Splunk|Bearer|Basic) )[\w+/=.~-]{8,}/g, '$1…'],
  [
    /\b([\w-]*(?:password|passwd|secret|token|session_?key|authorization)[\w-]*["']?\s*[=:]\s*["']?)[^\s"',;&<]+/gi,
    '$1…',
  ],
];
const LONGEST = 500;

/** A line that others wrote; bounded in length. */
export function loggedText(line: string): string {
  const bounded = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  return SHAPES.reduce((words, [shape, instead]) => words.replace(shape, instead), bounded);
}
