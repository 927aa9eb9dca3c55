/** Milliseconds from starting a process to its end, the median of a few: `by` the packaged app asked for its scheme, or `node -e 0` on the same binary. */
import { spawnSync } from 'node:child_process';
import { unpackedApp } from '../app.ts';
import type { Contender, Options } from '../contender.ts';
import { median } from '../statistics.ts';

const TIMES = 9;

export function open({ by }: Options): Contender {
  const { input, node } = unpackedApp();
  const [program, args, said] = by === 'app' ? [input, ['--scheme'], '<scheme>'] : [node, ['-e', '0'], ''];
  const env = { PATH: process.env['PATH'] ?? '' };
  return {
    round: async () =>
      median(
        Array.from({ length: TIMES }, () => {
          const begun = performance.now();
          const { status, stdout } = spawnSync(program, args, { env });
          const ms = performance.now() - begun;
          if (status !== 0 || !stdout.toString().includes(said)) throw new Error(`${program} ended with ${status}`);
          return ms;
        }),
      ),
  };
}
