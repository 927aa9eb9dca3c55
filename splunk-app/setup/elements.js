/** Elements of the page. Children are elements or text, and text stays text. */

export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

export const button = (text, attributes) =>
  element('button', { type: 'button', class: 'kl-button', ...attributes }, text);

/** Told to screen readers as it changes. `tone`: good, bad or busy. */
export function notice() {
  const made = element('p', { class: 'kl-notice', role: 'status', 'aria-live': 'polite', hidden: true });
  made.say = (tone, text) => {
    made.hidden = text === '';
    made.className = `kl-notice kl-${tone}`;
    made.textContent = text;
  };
  return made;
}

/** A labelled control with room for its fault below. */
export function field({ id, label, help, example, secret, check = () => '', control, optional }) {
  const key = `kl-${id}`;
  const box =
    control ||
    element('input', {
      type: secret ? 'password' : 'text',
      autocomplete: secret ? 'new-password' : 'off',
      spellcheck: 'false',
      autocapitalize: 'off',
    });
  box.id = key;
  box.setAttribute('aria-describedby', `${key}-help ${key}-fault`);
  const fault = element('span', { id: `${key}-fault`, class: 'kl-fault' });
  const hint = [help, example === undefined ? undefined : `Example: ${example}`].filter(Boolean).join(' ');
  const row = element(
    'div',
    { class: 'kl-field' },
    element(
      'label',
      { for: key },
      label,
      optional ? element('span', { class: 'kl-optional' }, ' (optional)') : undefined,
    ),
    box,
    element('span', { id: `${key}-help`, class: 'kl-help' }, hint),
    fault,
  );
  return {
    row,
    box,
    /** Trimmed, but for what may begin or end with a blank. */
    value: () => (secret ? box.value : box.value.trim()),
    clear: () => {
      box.value = '';
    },
    tell: (text) => {
      fault.textContent = text;
      box.setAttribute('aria-invalid', text === '' ? 'false' : 'true');
    },
    fault() {
      const text = check(this.value());
      this.tell(text);
      return text;
    },
  };
}

/** All faults at once; the first field that has one gets the focus. */
export function complete(fields) {
  const wrong = fields.filter((one) => one.fault() !== '');
  if (wrong.length > 0) wrong[0].box.focus();
  return wrong.length === 0;
}

/** A row is its cells; on a narrow screen, where they stand below each other, they are told by their heads. */
export function table(heads, rows) {
  const head = element('tr', {}, ...heads.map((text) => element('th', { scope: 'col' }, text)));
  rows.forEach((cells) => cells.forEach((cell, n) => cell.setAttribute('data-label', heads[n])));
  const body = element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells)));
  const made = element('table', { class: 'kl-table' }, element('thead', {}, head), body);
  return element('div', { class: 'kl-scroll' }, made);
}

export function section(id, title, text, ...children) {
  const heading = element('h2', { id: `kl-${id}-title` }, title);
  return element(
    'section',
    { class: 'kl-section', 'aria-labelledby': heading.id },
    heading,
    element('p', { class: 'kl-text' }, text),
    ...children,
  );
}

/** One call at a time: a second click while the first is under way does nothing. */
export function once(work) {
  let busy = false;
  return async (event) => {
    if (event !== undefined) event.preventDefault();
    if (busy) return;
    busy = true;
    try {
      await work();
    } finally {
      busy = false;
    }
  };
}
