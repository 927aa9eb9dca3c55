/** Where reading begins, in the words of a command line. */
import { z } from 'zod';
import type { OptionType } from '../base/config.ts';
import type { Start } from '../reader/index.ts';

/** Where reading begins when nothing is stored. */
export type GivenStart = Exclude<Start, { readonly kind: 'stored' }>;

/** `tip` (`latest` in the original tools), `horizon`, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m. `now` is in milliseconds since the epoch. */
export const startOption = (now: () => number): OptionType<GivenStart> => ({
  kind: 'string',
  expects: 'tip, horizon, a time such as 2026-01-31T10:00:00Z, or how long ago, such as -15m',
  schema: z.string().transform((value, context): GivenStart => {
    const start = parseStart(value, now());
    if (start !== undefined) return start;
    context.addIssue({ code: 'custom', message: 'not a start' });
    return z.NEVER;
  }),
});

function parseStart(value: string, nowMs: number): GivenStart | undefined {
  if (/^(latest|tip)$/i.test(value)) return { kind: 'tip' };
  if (/^horizon$/i.test(value)) return { kind: 'horizon' };
  const ago = value.startsWith('-') ? durationMs(value.slice(1)) : undefined;
  if (ago !== undefined) return { kind: 'timestamp', ms: nowMs - ago };
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/.test(value)
    ? Date.parse(value)
    : NaN;
  return Number.isNaN(ms) ? undefined : { kind: 'timestamp', ms };
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `1h30m` in milliseconds. */
export function durationMs(value: string): number | undefined {
  if (!/^(\d+[smhd])+$/.test(value)) return undefined;
  const parts = [...value.matchAll(/(\d+)([smhd])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS], 0);
}
