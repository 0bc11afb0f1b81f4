import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import regexp from 'eslint-plugin-regexp';
import importSort from 'eslint-plugin-simple-import-sort';
import tseslint from 'typescript-eslint';

/** Names of values that grant something to who knows them, or prove that who sent them knew such a value. */
const secretNames =
  '/^(?:\\w*[a-z])?(?:[sS]ecret(?:Hash)?|[pP]assword|[cC]srf\\w*|[cC]ode(?:Verifier|Challenge)|[sS]ignature|[hH]mac|[aA]ccessToken|[rR]efreshToken|[aA]pi[kK]ey)$/';
const secretSide = (side) => `[${side}.name=${secretNames}],[${side}.property.name=${secretNames}]`;

export default defineConfig(
  { ignores: ['dist/', 'out/', '.local/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Settings are read once, in shared/platform/config/readConfig.ts.',
        },
      ],
    },
  },
  {
    // `npm run format` sorts them: packages of Node, other packages, files.
    plugins: { 'import-sort': importSort },
    rules: { 'import-sort/imports': ['error', { groups: [['^node:', '^@?\\w', '^\\.']] }] },
  },
  {
    // The product. Its regular expressions run on texts of callers and of upstream servers: each takes linear time.
    files: ['shared/**', 'functions/**'],
    plugins: { regexp },
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportDeclaration[source.value='zod'] > ImportSpecifier`,
          message: 'Write `import * as z`: the bundle then leaves out the parts of zod that are not used.',
        },
        {
          selector: `BinaryExpression[operator=/^[!=]==?$/]:matches(${secretSide('left')},${secretSide('right')}):not([left.type='Literal'],[right.type='Literal'],[right.type='Identifier'][right.name='undefined'])`,
          message:
            'A comparison that ends at the first difference lets a caller guess a secret byte by byte: use isSameSecret of shared/platform/security/sameSecret.ts.',
        },
      ],
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  {
    // What runs on a developer's machine speaks to a terminal and starts other processes with their settings.
    files: ['infra/**', 'test/**', '*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-properties': 'off' },
  },
  {
    // Plain JavaScript: programs for readers, programs with packages of their own, and what runs before anything is installed.
    files: [
      'docs/examples/**',
      'test/bench/peers/programs/**',
      'test/interop/programs/**',
      'infra/local/requireInstall.js',
      '.ci/summary.js',
    ],
    extends: [tseslint.configs.disableTypeChecked],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      'no-console': 'off',
      'no-restricted-properties': 'off',
      'no-undef': 'off',
    },
  },
  { files: ['shared/platform/config/readConfig.ts'], rules: { 'no-restricted-properties': 'off' } },
);
