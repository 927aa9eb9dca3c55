/** Asks before something is destroyed; without a person at a terminal only --yes answers. */
import { createInterface } from 'node:readline/promises';
import { KinlogError } from '../base/errors.ts';
import type { Surroundings } from './exit.ts';

/** True when the answer is yes. */
export async function confirmed(
  question: string,
  yes: boolean,
  around: Surroundings,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (!around.stdin.isTTY || !around.stderr.isTTY)
    throw new KinlogError('KINLOG_CONFIG_INVALID', `nobody can be asked here: ${question}`, {
      remedy: 'Nothing was changed. Add --yes to answer it beforehand.',
    });
  const terminal = createInterface({ input: around.stdin, output: around.stderr });
  // Ctrl-C and the end of input close the terminal, and the question would never settle.
  const closed = new AbortController();
  terminal.once('close', () => closed.abort());
  try {
    const either = AbortSignal.any([signal, closed.signal]);
    const answer = await terminal.question(`${question} [yes/no] `, { signal: either });
    if (/^y(es)?$/i.test(answer.trim())) return true;
    around.stderr.write('kinlog: nothing was changed\n');
    return false;
  } finally {
    terminal.close();
  }
}
