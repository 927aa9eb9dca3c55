/** The list of reasons is closed: whatever the operator gives as one is explained. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../../base/errors.ts';
import { reasonOfError, REASONS, stallsAfterMs } from '../../../../operator/reconcile/reasons.ts';
import { reasonsPage } from '../../../../operator/reconcile/reasons-page.ts';

const folder = path.join(import.meta.dirname, '../../../../operator');
const sources = ['reconcile', 'desired'].flatMap((part) =>
  readdirSync(path.join(folder, part))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(folder, part, file), 'utf8')),
);

describe('reasons', () => {
  it('that a problem is given are all of the list', () => {
    const given = sources.flatMap((source) =>
      [...source.matchAll(/\breason: '([A-Z]\w+)'/g)].map(([, reason]) => reason!),
    );
    expect(given.length).toBeGreaterThan(20);
    expect(given.filter((reason) => !Object.hasOwn(REASONS, reason))).toEqual([]);
  });

  it('of every error that a reader can have make a LogStream stall sooner or later', () => {
    for (const code of [...Object.keys(ERRORS), 'KINLOG_OF_TOMORROW', 'toString'])
      for (const part of ['source', 'output', 'store', 'reader'] as const)
        expect(stallsAfterMs(reasonOfError({ part, code }))).toBeGreaterThanOrEqual(0);
  });

  it('that this version does not know stall at once', () => {
    expect(stallsAfterMs('OfTomorrow')).toBe(0);
    expect(stallsAfterMs('toString')).toBe(0);
  });

  it('are explained on one page, each with what to do', () => {
    const page = reasonsPage();
    for (const name of Object.keys(REASONS)) expect(page).toContain(`### ${name}\n`);
    expect(page.match(/\*\*What to do:\*\* \S/g)).toHaveLength(Object.keys(REASONS).length);
  });
});
