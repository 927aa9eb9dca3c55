/** The settings of Splunk that the app uses, each with the specification that describes it: a name that is not here is a slip, or belongs here first. */

interface Spec {
  /** File in README/ of a Splunk installation. */
  readonly source: string;
  /** Stanza → settings in it; names are whole. */
  readonly settings: readonly (readonly [stanza: RegExp, settings: RegExp])[];
}

/** Source types, sources and hosts that are ours to configure. */
export const SOURCES = /^(kinesis_log|kinlog:[\w:-]+|source::.*kinloader_metrics.*)$/;

const spec = (source: string, ...settings: Spec['settings']): Spec => ({ source, settings });

export const SPECS = {
  app: spec(
    'app.conf.spec',
    [/^install$/, /state|build|is_configured/],
    [/^ui$/, /is_visible|label|supported_themes|setup_view/],
    [/^launcher$/, /author|description|version/],
    [/^package$/, /id|check_for_updates/],
    [/^id$/, /name|version/],
  ),
  // Settings of the scheme are compared with its own inputs.conf.spec.
  inputs: spec('inputs.conf.spec', [/^kinesis_log$/, /\w+/]),
  props: spec(
    'props.conf.spec',
    [/./, /SHOULD_LINEMERGE|LINE_BREAKER|TRUNCATE|KV_MODE|INDEXED_EXTRACTIONS|AUTO_KV_JSON/],
    [/./, /TIME_PREFIX|TIME_FORMAT|MAX_TIMESTAMP_LOOKAHEAD|DATETIME_CONFIG|TZ|CHARSET|NO_BINARY_CHECK/],
    [/./, /sourcetype|category|description|pulldown_type|EVENT_BREAKER|EVENT_BREAKER_ENABLE/],
    [/./, /(EXTRACT|REPORT|TRANSFORMS|FIELDALIAS|EVAL|LOOKUP)-[\w-]+/],
  ),
  transforms: spec(
    'transforms.conf.spec',
    [/./, /REGEX|FORMAT|SOURCE_KEY|DEST_KEY|MV_ADD|CLEAN_KEYS|DELIMS|FIELDS/],
    [/./, /filename|case_sensitive_match|match_type|max_matches|min_matches|default_match/],
  ),
  eventtypes: spec('eventtypes.conf.spec', [/./, /search|description|priority|color|disabled/]),
  tags: spec('tags.conf.spec', [/^eventtype=\w+$/, /\w+/]),
  macros: spec('macros.conf.spec', [/./, /definition|args|description|iseval|validation|errormsg/]),
  savedsearches: spec(
    'savedsearches.conf.spec',
    [/./, /search|description|disabled|enableSched|cron_schedule|schedule_window|dispatch\.(earliest|latest)_time/],
    [/./, /is_visible|counttype|relation|quantity|request\.ui_dispatch_app|display\.[\w.]+/],
    [/./, /alert\.(track|severity|digest_mode|suppress|suppress\.(period|fields)|expires)|actions/],
  ),
  collections: spec('collections.conf.spec', [/^\w+$/, /field\.\w+|enforceTypes|replicate|accelerated_fields\.\w+/]),
  distsearch: spec('distsearch.conf.spec', [/^replicationDenylist$/, /kinloader_\w+/]),
  'default.meta': spec('default.meta.spec', [/^/, /access|export/]),
} as const satisfies Readonly<Record<string, Spec>>;

export type ConfFile = keyof typeof SPECS;

export function isAllowed({ settings }: Spec, stanza: string, key: string): boolean {
  return settings.some(([where, names]) => where.test(stanza) && new RegExp(`^(${names.source})$`).test(key));
}
