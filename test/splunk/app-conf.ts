/** The configuration that the app comes with. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseConf, type Stanzas } from './package-faults-conf.ts';

const APP = path.join(import.meta.dirname, '../../splunk-app');

const read = new Map<string, Stanzas>();

/** Of default/`name`.conf, or of a file by its path; throws when it is not well-formed. */
export function appConf(name: string): Stanzas {
  const known = read.get(name);
  if (known !== undefined) return known;
  const file = name.includes('/') ? name : `default/${name}.conf`;
  const { stanzas, faults } = parseConf(file, readFileSync(path.join(APP, file), 'utf8'));
  if (faults.length > 0) throw new Error(faults.join('\n'));
  read.set(name, stanzas);
  return stanzas;
}
