/** One kind of secrets: their names, who uses them, and the ways to add, replace and remove one. */
import { button, element, notice, section, table } from './elements.js';
import { namesOf, refresh, state, usersOf } from './state.js';
import { removalForm, storedForm } from './stored-forms.js';

export function storedSection(kind) {
  const list = element('div', {});
  const place = element('div', {});
  const told = notice();
  const add = button(`Add ${kind.one}`, { click: () => open(storedForm(kind, undefined, ends(undefined))) });

  function open(form) {
    told.say('good', '');
    place.replaceChildren(form.element);
    add.hidden = true;
    form.focus();
  }

  /** The keyboard goes back to where it was before the form opened. */
  function close(name) {
    place.replaceChildren();
    add.hidden = false;
    const buttons = [...list.querySelectorAll('button')];
    (buttons.find((one) => one.dataset.name === name) || add).focus();
  }

  const ends = (name) => ({
    done: async (text) => {
      await refresh();
      close(name);
      told.say('good', text);
    },
    left: () => close(name),
  });

  const act = (text, name, form) => {
    const click = () => open(form(kind, name, ends(name)));
    return button(text, { click, 'aria-label': `${text} ${name}`, 'data-name': name });
  };

  const row = (name) => [
    element('td', { class: 'kl-name' }, name),
    element('td', {}, state.inputs === undefined ? 'not known' : usersOf(kind, name).join(', ') || 'no input'),
    element('td', { class: 'kl-actions' }, act('Replace', name, storedForm), act('Remove', name, removalForm)),
  ];

  state.listeners.push(() => {
    const names = namesOf(kind);
    list.replaceChildren(
      names.length === 0
        ? element('p', { class: 'kl-empty' }, state.names === undefined ? 'Not known.' : `No ${kind.one} is stored.`)
        : table(['Name', 'Used by', 'Actions'], names.map(row)),
    );
  });
  return section(kind.id, kind.title, kind.text, list, told, place, add);
}
