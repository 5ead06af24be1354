// The recommended rules, for a page without anything that its browser does not bring.
import js from '@eslint/js';

const browser = Object.fromEntries(
  ('document window location history navigator localStorage fetch crypto URL URLSearchParams Blob Event CustomEvent HTMLElement MutationObserver ResizeObserver requestAnimationFrame BroadcastChannel'
    + ' AbortController setTimeout clearTimeout setInterval clearInterval addEventListener removeEventListener innerHeight innerWidth scrollTo confirm customElements performance CSS'
    + ' TextEncoder TextDecoder Intl').split(' ').map((name) => [name, 'readonly']),
);

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }], 'no-var': 'error', 'prefer-const': 'error', 'no-implicit-globals': 'error', 'no-unused-vars': ['error', { args: 'none', ignoreRestSiblings: true }] },
  },
];
