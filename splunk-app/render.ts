/** What the option table and the version say, in the files that Splunk reads: pure, so that a check can compare them with what is checked in. */
import { SCHEME } from './input/options.ts';
import { renderApp, renderInputs } from './render/conf.ts';
import { renderManager } from './render/input-form.ts';
import { renderManifest } from './render/manifest.ts';
import { renderScheme } from './render/scheme.ts';
import { renderSpec } from './render/spec.ts';

export const APP_ID = 'kinloader';

/** Path below splunk-app/ → content, for everything that is generated. */
export function renderAll(version: string): ReadonlyMap<string, string> {
  const names = { id: APP_ID, label: 'Kinesis Log Loader', author: 'kinlog contributors', version };
  return new Map([
    ['scheme.xml', renderScheme()],
    ['README/inputs.conf.spec', renderSpec()],
    ['default/inputs.conf', renderInputs()],
    ['default/app.conf', renderApp(names)],
    [`default/data/ui/manager/${SCHEME}.xml`, renderManager()],
    ['app.manifest', renderManifest(names)],
  ]);
}
