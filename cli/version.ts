/** The version of this package. */
import { readFileSync } from 'node:fs';

export function version(): string {
  const file = readFileSync(new URL(import.meta.resolve('kinlog/package.json')), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
