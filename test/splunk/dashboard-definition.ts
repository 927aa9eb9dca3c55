/** A dashboard of the app, as Dashboard Studio reads it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseXml } from '../../splunk-app/validation/view-xml.ts';

export interface DataSource {
  readonly type: string;
  readonly options: { readonly query: string; readonly extend?: string };
}

/** An input or a panel. */
export interface Part {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly dataSources?: Readonly<Record<string, string>>;
  readonly title?: string;
  readonly description?: string;
}

export interface Definition {
  readonly dataSources: Readonly<Record<string, DataSource>>;
  readonly visualizations: Readonly<Record<string, Part>>;
  readonly inputs: Readonly<Record<string, Part>>;
}

export function definitionOf(view: string): Definition {
  const file = path.join(import.meta.dirname, `../../splunk-app/default/data/ui/views/${view}.xml`);
  const holder = parseXml(readFileSync(file, 'utf8')).children.find(({ name }) => name === 'definition');
  return JSON.parse(holder!.text) as Definition;
}
