/** Every view of the app, judged by what it is: Dashboard Studio, or classic (Simple XML). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { judgeSimpleXml } from './simple-xml.ts';
import { judgeStudioView, type StudioTools } from './studio.ts';
import type { Verdict } from './verdict.ts';
import { parseXml, type Element } from './view-xml.ts';

const KINDS = { studio: 'of Dashboard Studio', classic: 'in Simple XML' } as const;

/** `views`: file name → text. */
export function judgeViews(views: ReadonlyMap<string, string>, tools: StudioTools): Verdict {
  const counts = { studio: 0, classic: 0 };
  const faults = [...views].flatMap(([file, xml]) => {
    let view: Element;
    try {
      view = parseXml(xml);
    } catch (error) {
      return [`${file}: ${(error as Error).message}`];
    }
    const kind = view.name === 'dashboard' && view.attributes['version'] === '2' ? 'studio' : 'classic';
    counts[kind]++;
    const found = kind === 'studio' ? judgeStudioView(view, tools) : judgeSimpleXml(view);
    return found.map((fault) => `${file}: ${fault}`);
  });
  const found = (['studio', 'classic'] as const).map((kind) => `${counts[kind]} ${KINDS[kind]}`).join(', ');
  return {
    tool: 'views',
    found,
    faults,
    remedy:
      'What the dashboards may hold: help.splunk.com, "Simple XML Reference", and "Configuration options reference" of Dashboard Studio.',
  };
}

/** Of an unpacked app. */
export function readViews(app: string): ReadonlyMap<string, string> {
  const folder = path.join(app, 'default/data/ui/views');
  if (!existsSync(folder)) return new Map();
  return new Map(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]));
}
