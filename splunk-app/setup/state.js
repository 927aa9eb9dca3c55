/** What splunkd has told, and who shows it. */
import { storedNames } from './splunkd.js';

/** What the sections show; each is told after a change. Undefined is what splunkd has not told, which is not the same as none. */
export const state = { names: undefined, inputs: undefined, listeners: [] };

export const namesOf = (kind) => (state.names && state.names.get(kind.realm)) || [];
export const usersOf = (kind, name) =>
  (state.inputs || []).filter(({ content = {} }) => content[kind.option] === name).map((input) => input.name);
export const changed = () => state.listeners.forEach((listener) => listener());

export async function refresh() {
  state.names = await storedNames();
  changed();
}
