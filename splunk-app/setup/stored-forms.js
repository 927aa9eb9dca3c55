/** The forms for one secret: to add it, to replace what is stored under its name, to remove it. */
import { button, complete, element, field, notice, once } from './elements.js';
import { nameFault } from './kinds.js';
import { addPassword, removePassword, replacePassword } from './splunkd.js';
import { namesOf, state, usersOf } from './state.js';

/** Without a name a new one is asked for. `done` is told what has happened, `left` that nothing has. */
export function storedForm(kind, name, { done, left }) {
  const isNew = name === undefined;
  const taken = (text) => `${text} is stored already: replace it in the list.`;
  const given = field({
    id: `${kind.id}-name`,
    label: 'Name',
    help: 'Inputs call it by this name.',
    check: (text) => nameFault(text) || (namesOf(kind).includes(text) ? taken(text) : ''),
  });
  const fields = kind.fields.map((one) => field({ ...one, id: `${kind.id}-${one.id}` }));
  const asked = isNew ? [given, ...fields] : fields;
  const told = notice();
  const submit = once(async () => {
    if (!complete(asked)) return;
    const target = isNew ? given.value() : name;
    const values = fields.map((one) => one.value());
    const password = kind.password(values);
    const hide = [password, ...values.filter((_, n) => kind.fields[n].secret)];
    told.say('busy', 'Storing…');
    try {
      await (isNew ? addPassword : replacePassword)(kind.realm, target, { password, hide });
      fields.forEach((one) => one.clear());
      await done(isNew ? `Stored ${target}.` : `Replaced ${target}.`);
    } catch (error) {
      told.say('bad', error.status === 409 ? taken(target) : error.message);
    }
  });
  const leave = () => {
    fields.forEach((one) => one.clear());
    left();
  };
  const title = isNew ? `Add ${kind.one}` : `Replace ${kind.one} ${name}`;
  const send = element('button', { type: 'submit', class: 'kl-button kl-primary' }, isNew ? 'Store' : 'Replace');
  const made = element(
    'form',
    { class: 'kl-form', autocomplete: 'off', novalidate: true, 'aria-label': title, submit, keydown: onEscape(leave) },
    element('h3', {}, title),
    ...asked.map((one) => one.row),
    told,
    element('div', { class: 'kl-actions' }, send, button('Cancel', { click: leave })),
  );
  return { element: made, focus: () => asked[0].box.focus() };
}

export function removalForm(kind, name, { done, left }) {
  const users = usersOf(kind, name);
  const known = state.inputs === undefined ? ' Which inputs use it is not known.' : '';
  const used = users.length === 0 ? known : ` It is used by ${users.join(', ')}, which will stop with an error.`;
  const told = notice();
  const remove = once(async () => {
    try {
      await removePassword(kind.realm, name);
      await done(`Removed ${name}.`);
    } catch (error) {
      told.say('bad', error.message);
    }
  });
  const really = button(`Remove ${name}`, { class: 'kl-button kl-danger', click: remove });
  const made = element(
    'div',
    { class: 'kl-form', role: 'group', 'aria-label': `Remove ${name}`, keydown: onEscape(left) },
    element('p', {}, `Remove the ${kind.one} ${name}?${used}`),
    told,
    element('div', { class: 'kl-actions' }, really, button('Keep it', { click: left })),
  );
  return { element: made, focus: () => really.focus() };
}

const onEscape = (leave) => (event) => {
  if (event.key === 'Escape') leave();
};
