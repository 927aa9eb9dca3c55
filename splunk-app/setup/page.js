/** The set-up page: stores AWS access keys, HEC tokens and proxies in Splunk's password storage, where the input finds them by name. */
import { connectionSection, TEST_INPUT } from './connection-section.js';
import { button, element, notice, once, section } from './elements.js';
import { inputsSection } from './inputs-section.js';
import { KINDS } from './kinds.js';
import { finishSetup, inputs, removeInput, storedNames } from './splunkd.js';
import { changed, state } from './state.js';
import { storedSection } from './stored-section.js';

function finishSection() {
  const told = notice();
  const finish = button('Finish set-up', {
    class: 'kl-button kl-primary',
    click: once(async () => {
      told.say('busy', 'Saving…');
      try {
        await finishSetup();
        told.say('good', 'Set-up is finished. This page stays in the menu of the app.');
      } catch (error) {
        told.say('bad', error.message);
      }
    }),
  });
  return section(
    'finish',
    'Finish',
    'Tells Splunk that this app is set up, so that it opens with its dashboards.',
    told,
    finish,
  );
}

/** Splunk does not say in one place which theme it shows; the colour behind the page does. */
function theme(from) {
  for (let one = from; one !== null; one = one.parentElement) {
    const parts = (getComputedStyle(one).backgroundColor.match(/[\d.]+/g) || []).map(Number);
    if (parts.length >= 3 && parts[3] !== 0)
      return parts[0] * 0.3 + parts[1] * 0.6 + parts[2] * 0.1 < 128 ? 'dark' : 'light';
  }
  return 'light';
}

async function show(root) {
  const told = notice();
  root.className = 'kl-page';
  root.dataset.theme = theme(root.parentElement);
  root.replaceChildren(
    element(
      'p',
      { class: 'kl-intro' },
      'Inputs name what they need from here; the secrets stay in the encrypted password storage of Splunk, and this page never shows them.',
    ),
    told,
    ...KINDS.map(storedSection),
    connectionSection(),
    inputsSection(),
    finishSection(),
  );
  changed();
  const failed = [];
  const keep = (error) => failed.push(error.message);
  state.names = await storedNames().catch((error) => void keep(error));
  state.inputs = await inputs().catch((error) => void keep(error));
  // Left behind by a page that was closed during a test.
  const left = ({ name }) => name === TEST_INPUT;
  if (state.inputs && state.inputs.some(left)) {
    await removeInput(TEST_INPUT).catch(keep);
    state.inputs = state.inputs.filter((input) => !left(input));
  }
  changed();
  if (failed.length > 0) told.say('bad', [...new Set(failed)].join(' '));
  root.dataset.ready = 'true';
}

/** The dashboard draws its panels when it likes. */
function whenThere(begin) {
  const look = () => {
    const root = document.getElementById('kinloader-setup');
    if (root === null) return false;
    begin(root);
    return true;
  };
  if (look()) return;
  const observer = new MutationObserver(() => {
    if (look()) observer.disconnect();
  });
  observer.observe(document.documentElement, { childList: true, subtree: true });
}

whenThere((root) => void show(root));
