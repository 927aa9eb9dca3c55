/** Classic dashboards. Splunk publishes no schema for them: what stands where is listed here, as far as we use it. */
import { descendants, type Element } from './view-xml.ts';

interface Rule {
  readonly children?: string;
  readonly attributes?: string;
}

const ANYWHERE = 'id depends rejects';
const VISUALIZATION = { children: 'title search option drilldown format fields', attributes: ANYWHERE };
const HANDLER = {
  children: 'condition set unset eval link',
  attributes: '',
};

/** Element → what it may hold. Source: help.splunk.com, "Simple XML Reference" and "Event Handler Reference". `html` and what is in it are looked at apart. */
const RULES: Readonly<Record<string, Rule>> = {
  dashboard: {
    children: 'label description fieldset row search init',
    attributes:
      'version theme hideEdit hideExport hideTitle hideFilters hideChrome isVisible refresh script stylesheet onunloadCancelJobs',
  },
  form: {
    children: 'label description fieldset row search init',
    attributes:
      'version theme hideEdit hideExport hideTitle hideFilters hideChrome isVisible refresh script stylesheet onunloadCancelJobs',
  },
  label: {},
  description: {},
  init: { children: 'set unset eval' },
  fieldset: { children: 'input html', attributes: `submitButton autoRun ${ANYWHERE}` },
  row: { children: 'panel', attributes: ANYWHERE },
  panel: { children: 'title input search chart table event single map viz html', attributes: `${ANYWHERE} ref app` },
  title: {},
  chart: VISUALIZATION,
  table: VISUALIZATION,
  event: VISUALIZATION,
  single: VISUALIZATION,
  map: VISUALIZATION,
  viz: { ...VISUALIZATION, attributes: `${ANYWHERE} type` },
  fields: {},
  search: {
    children:
      'query earliest latest sampleRatio refresh refreshType done progress preview finalized error fail cancelled',
    attributes: `${ANYWHERE} base ref app`,
  },
  query: {},
  earliest: {},
  latest: {},
  sampleRatio: {},
  refresh: {},
  refreshType: {},
  done: HANDLER,
  progress: HANDLER,
  preview: HANDLER,
  finalized: HANDLER,
  error: HANDLER,
  fail: HANDLER,
  cancelled: HANDLER,
  option: { attributes: 'name' },
  format: { children: 'option colorPalette scale', attributes: 'type field' },
  colorPalette: { attributes: 'type minColor midColor maxColor' },
  scale: { attributes: 'type minValue midValue maxValue minType midType maxType categories' },
  drilldown: HANDLER,
  change: HANDLER,
  condition: { children: 'set unset eval link', attributes: 'field match value label series' },
  set: { attributes: 'token prefix suffix delimiter' },
  unset: { attributes: 'token' },
  eval: { attributes: 'token' },
  link: { attributes: 'target' },
  input: {
    children:
      'label default initialValue choice search fieldForLabel fieldForValue prefix suffix valuePrefix valueSuffix delimiter change allowCustomValues selectFirstChoice showClearButton earliest latest',
    attributes: `type token searchWhenChanged ${ANYWHERE}`,
  },
  default: { children: 'earliest latest' },
  initialValue: { children: 'earliest latest' },
  choice: { attributes: 'value' },
  fieldForLabel: {},
  fieldForValue: {},
  prefix: {},
  suffix: {},
  valuePrefix: {},
  valueSuffix: {},
  delimiter: {},
  allowCustomValues: {},
  selectFirstChoice: {},
  showClearButton: {},
};

const INPUT_TYPES = new Set('text dropdown radio multiselect checkbox link time'.split(' '));
/** Whatever runs in the browser lies in a file of appserver/static, where it can be read and vetted. */
const IN_HTML = new Set('script iframe object embed'.split(' '));
/** Set by Splunk, or of a click, a row, a search job. */
const OWN_TOKENS = /^(env:|row\.|click\.|job\.|result\.|trellis\.|name$|value$|label$|earliest$|latest$|form\.|page)/;

/** `view`: its root element. */
export function judgeSimpleXml(view: Element): string[] {
  const missing = ['label']
    .filter((name) => !view.children.some((child) => child.name === name))
    .map((name) => `it has no <${name}>`);
  const version = view.attributes['version'] === '1.1' ? [] : ['its version is not "1.1"'];
  return [...version, ...missing, ...judgeElement(view), ...searchFaults(view), ...tokenFaults(view)];
}

function judgeElement(element: Element): string[] {
  if (element.name === 'html') return judgeHtml(element);
  const rule = RULES[element.name];
  if (rule === undefined) return [at(element, 'is no element of a dashboard')];
  const children = words(rule.children);
  const attributes = words(rule.attributes);
  return [
    ...Object.keys(element.attributes)
      .filter((name) => !attributes.has(name))
      .map((name) => at(element, `has no attribute ${name}`)),
    ...(element.name === 'input' && !INPUT_TYPES.has(element.attributes['type'] ?? '')
      ? [at(element, `has no type "${element.attributes['type'] ?? ''}"`)]
      : []),
    ...element.children.flatMap((child) =>
      children.has(child.name) ? judgeElement(child) : [at(child, `has no place in <${element.name}>`)],
    ),
  ];
}

function judgeHtml(html: Element): string[] {
  return [...descendants(html)].flatMap((element) => [
    ...(IN_HTML.has(element.name.toLowerCase()) ? [at(element, 'has no place in <html>')] : []),
    ...Object.entries(element.attributes)
      .filter(([name, value]) => /^on/i.test(name) || /^\s*(javascript|http):/i.test(value))
      .map(([name]) => at(element, `has a script or an http:// address in ${name}`)),
  ]);
}

/** A search is a query, a report by name, or goes on from another one of this view. */
function searchFaults(view: Element): string[] {
  const searches = [...descendants(view)].filter(({ name }) => name === 'search');
  const ids = new Set(searches.flatMap(({ attributes }) => attributes['id'] ?? []));
  return searches.flatMap((search) => {
    const { base, ref } = search.attributes;
    const query = search.children.find(({ name }) => name === 'query')?.text.trim() ?? '';
    return [
      ...(ref === undefined && query === '' ? [at(search, 'has neither a query nor a ref')] : []),
      ...(base !== undefined && !ids.has(base) ? [at(search, `goes on from ${base}, which is not there`)] : []),
    ];
  });
}

function tokenFaults(view: Element): string[] {
  const elements = [...descendants(view)];
  const set = new Set(
    elements.flatMap(({ name, attributes: { token } }) => {
      if (token === undefined) return [];
      return name === 'input' ? [token, `${token}.earliest`, `${token}.latest`, `form.${token}`] : [token];
    }),
  );
  return elements.flatMap((element) => {
    const texts = [element.text, ...Object.values(element.attributes)];
    const used = texts.flatMap((text) =>
      [...text.matchAll(/\$([A-Za-z_][\w.:]*)(?:\|\w+)?\$/g)].map(([, name]) => name!),
    );
    const depends = ['depends', 'rejects'].flatMap((name) => element.attributes[name]?.split(',') ?? []);
    const plain = depends.map((name) => name.trim().replaceAll('$', ''));
    return [...new Set([...used, ...plain])]
      .filter((name) => !set.has(name) && !OWN_TOKENS.test(name))
      .map((name) => at(element, `uses the token $${name}$, which nothing sets`));
  });
}

function words(list = ''): ReadonlySet<string> {
  return new Set(list.split(' ').filter((word) => word !== ''));
}

function at({ name, line }: Element, fault: string): string {
  return `line ${line}: <${name}> ${fault}`;
}
