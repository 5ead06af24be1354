// What a browser brings and Node does not, for tests that look at the markup of pages. Nothing is drawn into a page here.
import { after } from 'node:test';

globalThis.document = { hidden: true, createTreeWalker: () => ({}), querySelector: () => null, addEventListener() {}, documentElement: { dataset: {} } };
globalThis.HTMLElement ??= class {
  addEventListener() {}
};
/** By name, as a page would find them. */
export const elements = {};
globalThis.customElements ??= {
  define(name, element) {
    elements[name] = element;
    void element.observedAttributes; // makes what the properties of a part are
  },
  get: (name) => elements[name],
};
globalThis.CSS = { escape: (text) => text };
globalThis.location = { pathname: '/console/', search: '', origin: 'https://rolewright.example.com' };
globalThis.addEventListener = () => {};
// The modules begin to tick when they are loaded.
const ticking = [];
const every = globalThis.setInterval;
globalThis.setInterval = (...args) => ticking[ticking.push(every(...args)) - 1];

after(() => {
  ticking.forEach(clearInterval);
  process.exitCode ??= 0;
  setImmediate(() => process.exit()); // the channel between tabs stays open as long as its page
});

/** A template as the text of its markup. */
export function text(part) {
  if (part === null || part === undefined || typeof part === 'symbol' || typeof part === 'function' || part === false) return '';
  if (Array.isArray(part)) return part.map(text).join('');
  if (part.strings) return part.strings.map((each, i) => each + (i < part.values.length ? text(part.values[i]) : '')).join('');
  return String(part);
}
export const words = (markup) =>
  markup
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
