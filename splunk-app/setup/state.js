/** What splunkd has told, and who shows it. */
import { storedNames } from './splunkd.js';

/** What the sections show; each is told after a change. */
export const state = { names: new Map(), inputs: [], listeners: [] };

export const namesOf = (kind) => state.names.get(kind.realm) || [];
export const usersOf = (kind, name) =>
  state.inputs.filter(({ content = {} }) => content[kind.option] === name).map((input) => input.name);
export const changed = () => state.listeners.forEach((listener) => listener());

export async function refresh() {
  state.names = await storedNames();
  changed();
}
