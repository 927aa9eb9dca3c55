/** The documentation of the tools is what they print. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { helpPages } from '../../../cli/commands.ts';

it('docs/tools.md shows for each command what its --help prints', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../../docs/tools.md'), 'utf8');
  const shown = new Map(
    [...page.matchAll(/^## (.+)\n[^]*?^```text\n([^]*?)^```$/gm)].map(([, name, text]) => [name!, text!]),
  );
  expect(shown).toEqual(helpPages());
});
