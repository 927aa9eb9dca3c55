/** Quantities of Kubernetes, which one amount can be written as in many ways: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */

const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3})?$/;
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const NANO = 9;

/** In billionths, which is as fine as the server keeps them; it rounds up what is finer. Undefined when it is none. */
export function nanosOf(quantity: unknown): bigint | undefined {
  if (typeof quantity !== 'string' && typeof quantity !== 'number') return undefined;
  const [, amount, suffix = ''] = FORM.exec(String(quantity).trim()) ?? [];
  if (amount === undefined) return undefined;
  const [whole, fraction = ''] = amount.split('.') as [string, string?];
  const digits = BigInt(whole.replace(/^[+-]/, '') + fraction) * 1024n ** BigInt(BINARY.indexOf(suffix) + 1);
  const scale = NANO + powerOf(suffix) - fraction.length;
  const nanos = scale >= 0 ? digits * 10n ** BigInt(scale) : dividedUp(digits, 10n ** BigInt(-scale));
  return amount.startsWith('-') ? -nanos : nanos;
}

const powerOf = (suffix: string): number => DECIMAL[suffix] ?? (/^e/i.test(suffix) ? Number(suffix.slice(1)) : 0);

const dividedUp = (amount: bigint, by: bigint): bigint => (amount + by - 1n) / by;
