/** The option table as Splunk spells it, and text as XML holds it. */
import { snake, type Option } from '../../base/config.ts';
import { GROUPS, OPTIONS } from '../input/options.ts';

export type Setting = readonly [name: string, option: Option<unknown>];

/** In the order of the table, by the names that stanzas use. */
export const SETTINGS: readonly Setting[] = Object.entries(OPTIONS).map(([name, option]) => [snake(name), option]);

/** In the order of the form. */
export const GROUPED: readonly (readonly [group: string, settings: readonly Setting[]])[] = GROUPS.map((group) => [
  group,
  SETTINGS.filter(([, option]) => option.group === group),
]);

export const isRequired = (option: Option<unknown>): boolean => option.required === true;

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
