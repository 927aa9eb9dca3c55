/** Timestamps in the formats that users write. The clock of the test runs on UTC and, in a process of its own, elsewhere. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { timeFormat } from '../../../cli/timestamp.ts';

const AT = Date.UTC(2026, 1, 3, 4, 5, 6, 70);

function elsewhere(layout: string, zone: string): string {
  const program = `import { timeFormat } from './cli/timestamp.ts'; process.stdout.write(timeFormat(${JSON.stringify(layout)})(${AT}));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { TZ: zone, NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
  });
}

it('empty means no timestamp', () => {
  expect(timeFormat('')).toBeUndefined();
});

it.each([
  ['2006-01-02T15:04:05Z07:00', 'UTC', '2026-02-03T04:05:06Z'],
  ['rfc3339', 'Asia/Kolkata', '2026-02-03T09:35:06+05:30'],
  ['rfc3339nano', 'UTC', '2026-02-03T04:05:06.07Z'],
  ['2006-01-02 15:04:05.000 -0700', 'America/New_York', '2026-02-02 23:05:06.070 -0500'],
  ['Mon, 02 Jan 2006 3:04PM', 'UTC', 'Tue, 03 Feb 2026 4:05AM'],
  ['Monday January _2 06 002', 'UTC', 'Tuesday February  3 26 034'],
  ['[at 15h04]', 'UTC', '[at 04h05]'],
  ['%Y-%m-%dT%H:%M:%S.%L%z', 'Asia/Kolkata', '2026-02-03T09:35:06.070+0530'],
  ['%d/%b/%Y:%T %z', 'UTC', '03/Feb/2026:04:05:06 +0000'],
  ['%s %%', 'UTC', '1770091506 %'],
])('%s in %s gives %s', (layout, zone, expected) => {
  expect(elsewhere(layout, zone)).toBe(expected);
});
