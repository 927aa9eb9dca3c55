/** What splunkd starts. Answers `--scheme` from a file rendered at build time and loads everything else only for the other modes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const entry = process.argv[1]!;
if (process.argv[2]?.toLowerCase() === '--scheme') {
  process.stdout.write(readFileSync(path.join(path.dirname(entry), 'scheme.xml')));
} else {
  // By its path, so that the bundler leaves it a file of its own.
  createRequire(entry)('./input.cjs');
}
