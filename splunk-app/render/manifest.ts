/** app.manifest, as Splunk's packaging tools read it. */
import { SCHEME_TEXT } from '../input/options.ts';
import type { AppNames } from './conf.ts';

export function renderManifest({ id, label, author, version }: AppNames): string {
  const manifest = {
    schemaVersion: '2.0.0',
    info: {
      title: label,
      id: { group: null, name: id, version },
      author: [{ name: author, email: null, company: null }],
      releaseDate: null,
      description: SCHEME_TEXT,
      classification: { intendedAudience: null, categories: [], developmentStatus: null },
      commonInformationModels: null,
      license: { name: 'Apache-2.0', text: 'LICENSE.txt', uri: null },
      privacyPolicy: { name: null, text: null, uri: null },
      releaseNotes: { name: null, text: null, uri: null },
    },
    dependencies: null,
    tasks: null,
    inputGroups: null,
    incompatibleApps: null,
    platformRequirements: null,
    supportedDeployments: ['_standalone', '_distributed', '_search_head_clustering'],
    targetWorkloads: ['_search_heads', '_forwarders'],
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
