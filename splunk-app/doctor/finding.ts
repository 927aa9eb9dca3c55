/** What the doctor says about one thing it looked at. */

/** `fault`: events are kept back, or lost, until somebody acts. `warning`: they may be. `skipped`: not looked at, and why. */
export type Level = 'ok' | 'warning' | 'fault' | 'skipped';

export interface Finding {
  readonly level: Level;
  /** What was looked at and what is so; may hold text of logs and conf files, without secrets only after `redacted`. */
  readonly text: string;
  /** What to do; always there for warnings and faults. */
  readonly remedy?: string;
}

export const ok = (text: string): Finding => ({ level: 'ok', text });
export const skipped = (text: string): Finding => ({ level: 'skipped', text });
export const warning = (text: string, remedy: string): Finding => ({ level: 'warning', text, remedy });
export const fault = (text: string, remedy: string): Finding => ({ level: 'fault', text, remedy });
