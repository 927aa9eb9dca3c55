/** The inputs, whether they are enabled, and the way to their forms. */
import { element, section, table } from './elements.js';
import { prefix } from './splunk-web.js';
import { APP, SCHEME } from './splunkd.js';
import { state } from './state.js';

const isOff = (content) => /^(1|true|t|yes|y|on)$/i.test(String(content.disabled));

export function inputsSection() {
  const list = element('div', {});
  const page = `${prefix}/manager/${APP}/data/inputs/${SCHEME}`;
  const link = ({ name, acl = {} }) => {
    const path = `/servicesNS/nobody/${encodeURIComponent(acl.app || APP)}/data/inputs/${SCHEME}/${encodeURIComponent(name)}`;
    const query = new URLSearchParams({ action: 'edit', ns: acl.app || APP, uri: path });
    return element('a', { href: `${page}/${encodeURIComponent(name)}?${query}` }, name);
  };
  const row = (input) => {
    const { stream_name: stream = '', aws_region: region = '' } = input.content || {};
    const off = isOff(input.content || {});
    return [
      element('td', { class: 'kl-name' }, link(input)),
      element('td', {}, String(stream)),
      element('td', {}, String(region || '')),
      element(
        'td',
        {},
        element('span', { class: `kl-state ${off ? 'kl-off' : 'kl-on'}` }, off ? 'Disabled' : 'Enabled'),
      ),
    ];
  };
  state.listeners.push(() => {
    const { inputs } = state;
    list.replaceChildren(
      inputs === undefined || inputs.length === 0
        ? element('p', { class: 'kl-empty' }, inputs === undefined ? 'Not known.' : 'No input is configured.')
        : table(['Name', 'Stream', 'Region', 'State'], inputs.map(row)),
    );
  });
  return section(
    'inputs',
    'Inputs',
    'Each reads one stream.',
    list,
    element(
      'p',
      { class: 'kl-links' },
      element('a', { href: `${page}/_new?action=edit&ns=${APP}` }, 'New input'),
      element('a', { href: page }, 'All inputs'),
    ),
  );
}
