/** default/inputs.conf and default/app.conf. */
import { SCHEME, SCHEME_TEXT } from '../input/options.ts';
import { SETTINGS } from './settings.ts';

/** What names the app everywhere. */
export interface AppNames {
  readonly id: string;
  readonly label: string;
  readonly author: string;
  readonly version: string;
}

/** Defaults of all stanzas. One that always runs, is started without a shell (whose death would orphan us), and has a sourcetype of its own. */
export function renderInputs(): string {
  const defaults = SETTINGS.flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]]));
  const settings = { start_by_shell: 'false', interval: '0', sourcetype: SCHEME };
  return `[${SCHEME}]\n${lines({ ...settings, ...(Object.fromEntries(defaults) as Record<string, string>) })}`;
}

export function renderApp({ id, label, author, version }: AppNames): string {
  const stanzas = {
    install: { state: 'enabled', build: buildNumber(version), is_configured: 'false' },
    ui: { is_visible: 'true', label, supported_themes: 'light, dark', setup_view: 'setup' },
    launcher: { author, description: SCHEME_TEXT, version },
    package: { id, check_for_updates: 'false' },
    id: { name: id, version },
  };
  return Object.entries(stanzas)
    .map(([stanza, settings]) => `[${stanza}]\n${lines(settings)}`)
    .join('\n');
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}

/** Splunk wants an integer that grows with the version. */
function buildNumber(version: string): string {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  return String(major * 1_000_000 + minor * 1000 + patch);
}
