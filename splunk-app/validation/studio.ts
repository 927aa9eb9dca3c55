/** Dashboard Studio views, by Splunk's own schemas for the definition and for the options of every visualization. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { judgeReferences, type Token } from './studio-references.ts';
import type { Element } from './view-xml.ts';

/** Splunk's own packages, as far as they are used here. They are written for a browser and have no types of their own that load here. */
interface Packages {
  readonly definition: {
    createSchemaBasedOnDicts(dicts: Readonly<Record<string, object>>): object;
    addTokenSupport(schema: object): object;
  };
  readonly utils: {
    migrateToTabsLayout(argument: { definition: object }): { success: boolean; definition: object };
    extractTokensFromObject(value: unknown): Token[];
  };
  readonly validation: {
    DashboardValidator: new () => {
      setSchema(schema: object): Error | null;
      validate(definition: object): readonly SchemaFault[] | null;
    };
  };
  readonly schemas: Readonly<Record<string, object>>;
}

interface SchemaFault {
  readonly instancePath: string;
  readonly message: string;
  readonly keyword?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface StudioTools {
  /** What the schemas have against a definition. */
  schemaFaults(definition: object): string[];
  readonly tokens: (value: unknown) => readonly Token[];
}

/** Of each the schema `<name>OptionsSchema` in @splunk/visualization-schemas; a `type` is `splunk.` and the name in lower case. Without networkGraph, whose schema is not strict. */
const VISUALIZATIONS =
  'area bar bubble choroplethSvg column ellipse events fillerGauge image line linkGraph map markdown markerGauge parallelCoordinates pie punchcard rectangle sankey scatter singleValue singleValueIcon singleValueRadial table timeline'.split(
    ' ',
  );
// No package publishes schemas for these. Names: help.splunk.com, Dashboard Studio, "Configuration options reference".
const INPUTS = 'input.checkbox input.dropdown input.multiselect input.number input.text input.timerange'.split(' ');
const LAYOUTS = ['absolute', 'grid'];
const TEXT = { type: 'string' };
const REFRESH = { refresh: TEXT, refreshType: { enum: ['delay', 'interval'] } };
const TIMES = { queryParameters: closed({ earliest: TEXT, latest: TEXT }) };
const DATA_SOURCES = {
  'ds.search': closed({ query: TEXT, enableSmartSources: { type: 'boolean' }, ...TIMES, ...REFRESH }, 'query'),
  'ds.chain': closed({ query: TEXT, extend: TEXT, enableSmartSources: { type: 'boolean' } }, 'query', 'extend'),
  'ds.savedSearch': closed({ ref: TEXT, app: TEXT, ...REFRESH }, 'ref'),
};

/** An object with these properties only. */
function closed(properties: object, ...required: string[]): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** `folder`: where the packages of package.json are installed. */
export function loadStudioTools(folder: string): StudioTools {
  const require = createRequire(path.join(folder, 'package.json'));
  const load = (name: string) => require(`@splunk/${name}`) as unknown;
  const packages = {
    definition: load('dashboard-definition'),
    utils: load('dashboard-utils'),
    validation: load('dashboard-validation'),
    schemas: load('visualization-schemas'),
  } as Packages;
  const { utils, validation } = packages;
  const validator = new validation.DashboardValidator();
  const unusable = validator.setSchema(schemaOf(packages));
  if (unusable !== null) throw unusable;
  return {
    schemaFaults: (definition) => {
      // The schema knows tabs only, Splunk 9.0 to 9.3 no tabs. Its failure is a flag, and the result then unchanged.
      const migrated = utils.migrateToTabsLayout({ definition });
      if (!migrated.success) return ['layout: it is none that can be read'];
      return (validator.validate(migrated.definition) ?? []).filter(isTelling).map(describe);
    },
    tokens: (value) => utils.extractTokensFromObject(value),
  };
}

function schemaOf({ definition, schemas }: Packages): object {
  const visualizations = VISUALIZATIONS.map((name): [string, object] => {
    const options = schemas[`${name}OptionsSchema`];
    if (options === undefined) throw new Error(`@splunk/visualization-schemas has no schema for ${name}`);
    const type = `splunk.${name.replace('Svg', '.svg').toLowerCase()}`;
    // `extend` is taken as it stands; without it an unknown option passes.
    return [type, { extend: closed(definition.addTokenSupport(options)) }];
  });
  const schema = definition.createSchemaBasedOnDicts({
    layoutDict: named(LAYOUTS, () => ({})),
    inputDict: named(INPUTS, () => ({})),
    dataSourceDict: named(Object.keys(DATA_SOURCES), (name) => ({
      extend: DATA_SOURCES[name as keyof typeof DATA_SOURCES],
    })),
    visualizationDict: Object.fromEntries(visualizations),
  });
  return { ...schema, additionalProperties: false };
}

function named(names: readonly string[], value: (name: string) => object): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

/** Of a fault within alternatives, the one about the value and not those about the alternatives. */
function isTelling({ keyword }: SchemaFault): boolean {
  return keyword !== 'if' && keyword !== 'anyOf' && keyword !== 'allOf' && keyword !== 'oneOf';
}

function describe({ instancePath, message, params = {} }: SchemaFault): string {
  const detail = params['additionalProperty'] ?? params['allowedValues'];
  return `${instancePath === '' ? '/' : instancePath}: ${message}${detail === undefined ? '' : ` (${JSON.stringify(detail)})`}`;
}

/** `view`: its root element, `<dashboard version="2">`. */
export function judgeStudioView(view: Element, tools: StudioTools): string[] {
  const holders = view.children.filter(({ name }) => name === 'definition');
  if (holders.length !== 1) return [`it has ${holders.length} <definition> instead of one`];
  let definition: unknown;
  try {
    definition = JSON.parse(holders[0]!.text);
  } catch (error) {
    return [`its definition is not JSON: ${(error as Error).message}`];
  }
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition))
    return ['its definition is not a JSON object'];
  const faults = tools.schemaFaults(definition);
  return faults.length > 0 ? faults : judgeReferences(definition, tools.tokens);
}
