import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What a part may import of ours besides itself; everything else is a stage border. */
const borders = {
  base: [],
  record: ['base'],
  reader: ['base', 'record'],
  sender: ['base', 'record', 'reader/fetch'],
  // Of the app only what the doctor stands on, which test/tree sees to.
  cli: ['base', 'record', 'reader', 'sender', 'splunk-app'],
  packaging: [],
  'splunk-app': ['base', 'record', 'reader', 'packaging'],
  // Of the commands only how a command line is read and what the file of `kinlog run` may hold.
  operator: ['base', 'cli', 'packaging'],
};
const parts = Object.keys(borders);

/** What the script of the set-up page takes from the browser. */
const BROWSER = [
  'window',
  'document',
  'fetch',
  'getComputedStyle',
  'AbortSignal',
  'MutationObserver',
  'URL',
  'URLSearchParams',
];

function border(part) {
  const forbidden = parts
    .filter((other) => other !== part && !borders[part].some((allowed) => allowed.split('/')[0] === other))
    .flatMap((other) => [`../${other}/**`, `../../${other}/**`, `../../../${other}/**`]);
  return {
    files: [`${part}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [...forbidden, '**/test/**', '**/bench/**'],
              message: `${part}/ may import only: ${['itself', ...borders[part]].join(', ')}`,
            },
          ],
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/**', '.cache/**', '.demo/**', '**/node_modules/**', 'splunk-app/appserver/**'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 10],
      'max-params': ['error', 4],
      'max-depth': ['error', 3],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  ...parts.map(border),
  {
    files: ['test/**', 'bench/**'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['*.js', 'splunk-app/setup/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['splunk-app/setup/*.js'],
    languageOptions: { globals: Object.fromEntries(BROWSER.map((name) => [name, 'readonly'])) },
  },
);
