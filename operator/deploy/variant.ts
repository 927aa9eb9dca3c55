/** Where the manifests take what varies from: the defaults themselves, or places that Helm fills in. */
import { filled, filledBlock, when, type Node, type Tree } from './template.ts';
import { VALUES, type Plain, type ValuePath } from './values.ts';

export const NAME = 'kinlog-operator';
export const NAMESPACE = 'kinlog-system';

export interface Variant {
  /** Name of an object: that of the operator, with an ending. */
  named(ending?: string): Node;
  readonly namespace: Node;
  readonly serviceAccount: Node;
  readonly image: Node;
  readonly readerImage: Node;
  readonly watchNamespaces: Node;
  /** `name=value`, with commas between them. */
  readonly podMonitorLabels: Node;
  /** Of every object. */
  readonly labels: Tree;
  /** Of the pods, and never another one. */
  readonly selector: Tree;
  value(path: ValuePath): Node;
  /** Left out when it is empty. */
  block(path: ValuePath): Node;
  /** Of the command line: `--name=value`. */
  option(name: string, path: ValuePath): Node;
  readonly secretWatchOption: Node;
  /** Further options of the command line. */
  readonly moreOptions: readonly Node[];
  readonly moreEnvironment: readonly Node[];
  /** There when a flag of the values is on, or when it holds anything. */
  when(path: ValuePath, node: Node): Node;
}

/** Everything as the values say by default, with `version` as the image's tag. */
export function defaults(version: string): Variant {
  const image = `kinlog:${version}`;
  const selector = { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/instance': NAME };
  const value = (path: ValuePath): Plain => VALUES[path].default;
  return {
    named: (ending = '') => `${NAME}${ending}`,
    namespace: NAMESPACE,
    serviceAccount: NAME,
    image,
    readerImage: image,
    watchNamespaces: '',
    podMonitorLabels: '',
    labels: { ...selector, 'app.kubernetes.io/version': version, 'app.kubernetes.io/part-of': 'kinlog' },
    selector,
    value,
    block: (path) => (Object.keys(value(path)).length === 0 ? undefined : value(path)),
    option: (name, path) => `--${name}=${value(path) as string | number}`,
    secretWatchOption: '--secret-watch=on',
    moreOptions: [],
    moreEnvironment: [],
    when: (path, node) => (value(path) === true ? node : undefined),
  };
}

export const CHART: Variant = {
  named: (ending = '') => filled(`{{ include "kinlog.name" $ }}${ending}`),
  namespace: filled('{{ $.Release.Namespace }}'),
  serviceAccount: filled('{{ include "kinlog.serviceAccount" $ }}'),
  image: filled('{{ include "kinlog.image" $ | quote }}'),
  readerImage: filled('{{ $.Values.reader.image | default (include "kinlog.image" $) | quote }}'),
  watchNamespaces: filled('{{ join "," $.Values.watchNamespaces | quote }}'),
  podMonitorLabels: filled('{{ include "kinlog.podMonitorLabels" $ | quote }}'),
  labels: { ...selectorOfChart(), ...labelsOfChart() },
  selector: selectorOfChart(),
  value: (path) => {
    const filter = typeof VALUES[path].default === 'string' ? ' | quote' : '';
    return filled(`{{ ${valueAt(path)}${filter} }}`);
  },
  block: (path) => filledBlock(valueAt(path)),
  option: (name, path) => filled(`"--${name}={{ ${valueAt(path)} }}"`),
  secretWatchOption: filled('--secret-watch={{ ternary "on" "off" $.Values.secretWatch }}'),
  moreOptions: [filledBlock('$.Values.extraArgs')],
  moreEnvironment: [filledBlock('$.Values.extraEnv')],
  when: (path, node) => when(valueAt(path), node),
};

/** As an expression of a template. */
export const valueAt = (path: ValuePath): string => `$.Values.${path}`;

function selectorOfChart(): Tree {
  return {
    'app.kubernetes.io/name': NAME,
    'app.kubernetes.io/instance': filled('{{ $.Release.Name }}'),
  };
}

function labelsOfChart(): Tree {
  return {
    'app.kubernetes.io/version': filled('{{ $.Chart.AppVersion | quote }}'),
    'app.kubernetes.io/part-of': 'kinlog',
    'app.kubernetes.io/managed-by': filled('{{ $.Release.Service }}'),
    'helm.sh/chart': filled('{{ $.Chart.Name }}-{{ $.Chart.Version }}'),
  };
}
