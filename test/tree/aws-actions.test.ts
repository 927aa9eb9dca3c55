/** What kinlog asks of AWS is what its guide says that it must be allowed. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** `kinesis:GetRecords` and so on, by the commands that a file makes and the package it takes them from. */
function actionsOf(source: string): string[] {
  const imports = [...source.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-(\w+)'/g)];
  return imports.flatMap(([, names, service]) =>
    [...names!.matchAll(/\b(\w+)Command\b/g)].map(([, action]) => `${service!}:${action!}`),
  );
}

it('docs/aws.md names every action of Kinesis and DynamoDB that is called, and no other', () => {
  const sources = ['base', 'reader', 'sender', 'cli', 'splunk-app'].flatMap((part) =>
    readdirSync(path.join(root, part), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(path.join(part, file))),
  );
  const called = new Set(sources.flatMap(actionsOf));
  expect(called).toContain('kinesis:GetRecords');
  const table = /^## What it must be allowed$[^]*?^```json$/m.exec(read('docs/aws.md'))![0];
  const named = [...table.matchAll(/`((?:kinesis|dynamodb):\w+)`/g)].map(([, action]) => action!);
  // Asked for by CreateTable, which carries the tags.
  expect([...new Set(named)].sort()).toEqual([...called, 'dynamodb:TagResource'].sort());
});
