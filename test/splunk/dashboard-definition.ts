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

/** With every token replaced, as Dashboard Studio does it: `|s` puts quotes around the value and backslashes before those within. Tokens that are not named are `*`. */
export function withTokens(query: string, chosen: Readonly<Record<string, string>> = {}): string {
  return query.replaceAll(/\$(?:\$|(\w+)(\|s)?\$)/g, (_, token: string | undefined, quoted: string | undefined) => {
    if (token === undefined) return '$';
    const value = chosen[token] ?? '*';
    return quoted === undefined ? value : JSON.stringify(value);
  });
}
