/** What one tool says about the app: the same shape for all, so that they are shown and counted alike. */

export interface Verdict {
  readonly tool: string;
  /** What was looked at. */
  readonly found: string;
  readonly faults: readonly string[];
  /** What to do about them. */
  readonly remedy: string;
}

/** One line when all is well; otherwise one more for each fault, and what to do. */
export function showVerdict({ tool, found, faults, remedy }: Verdict): string {
  if (faults.length === 0) return `${tool}: ${found}: no fault\n`;
  return [
    `${tool}: ${found}: ${faults.length} at fault`,
    ...faults.map((fault) => `  ${fault}`),
    `  ${remedy}`,
    '',
  ].join('\n');
}
