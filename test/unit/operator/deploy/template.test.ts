/** What the manifests are written with: YAML that says what the tree says, with places for Helm. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { filled, filledBlock, when, yamlOf, type Tree } from '../../../../operator/deploy/template.ts';

const scalars = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom('no', 'true', '1', '~', '', 'a: b', '- a'),
);
const keys = fc
  .oneof(fc.string({ minLength: 1 }), fc.constantFrom('on', 'y', '1'))
  .filter((key) => key !== '__proto__');

describe('yamlOf', () => {
  it('writes what a YAML parser reads back as the same tree', () => {
    const { node } = fc.letrec((tie) => ({
      node: fc.dictionary(
        keys,
        fc.oneof({ maxDepth: 3 }, scalars, fc.array(fc.oneof(scalars, tie('node')), { maxLength: 3 }), tie('node')),
        { maxKeys: 4 },
      ),
    }));
    fc.assert(
      fc.property(node, (tree) => {
        fc.pre(Object.keys(tree).length > 0);
        expect(parse(yamlOf(tree as Tree))).toEqual(tree);
      }),
    );
  });

  it('leaves to Helm what Helm works out, and takes a key along with its block', () => {
    const tree = {
      image: filled('{{ .Values.image | quote }}'),
      nodeSelector: filledBlock('.Values.nodeSelector'),
      labels: { app: 'kinlog', '<<more': filledBlock('.Values.labels') },
      verbs: ['get', when('.Values.watch', 'list')],
    };
    expect(yamlOf(tree)).toBe(`image: {{ .Values.image | quote }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
labels:
  app: kinlog
{{- with .Values.labels }}
  {{- toYaml . | nindent 2 }}
{{- end }}
verbs:
  - get
{{- if .Values.watch }}
  - list
{{- end }}
`);
  });
});
