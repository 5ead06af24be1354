// Every view has an address of its own below /console/.
import { t } from './texts.js';

const BASE = '/console/';
const listeners = new Set();
let guard = null;
let unsaved = () => false;
let here = location.href;

export const link = (path = '') => BASE + path;

/** The path below /console/, without slashes around it, and its query. */
export const route = () => ({
  path: decodeURIComponent(location.pathname.slice(BASE.length)).replace(/\/+$/, ''),
  query: new URLSearchParams(location.search),
});

/** @param change is called after each move */
export const onRoute = (change) => listeners.add(change);

export function go(path, { replace = false } = {}) {
  if (guard && !guard()) return;
  guardWith(null);
  history[replace ? 'replaceState' : 'pushState'](null, '', link(path));
  moved();
}

/** The tab is called after what it shows. */
export function title(name) {
  const text = `${name} · ${t.name}`;
  if (document.title !== text) document.title = text;
}

/** Keeps what a view shows in its address, without a move. */
export function note(query) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  history.replaceState(null, '', location.pathname + (search.size ? `?${search}` : ''));
  here = location.href;
}

/** Asks before a view with unsaved input is left. @param dirty whether there is any; null: leave at will */
export function guardWith(dirty) {
  guard = dirty && (() => !dirty() || confirm(t.form.leave));
  unsaved = dirty ?? (() => false);
}

function moved() {
  here = location.href;
  listeners.forEach((change) => change());
}

addEventListener('popstate', () => {
  if (guard && !guard()) {
    history.pushState(null, '', here);
    return;
  }
  guardWith(null);
  moved();
});

addEventListener('beforeunload', (event) => {
  if (unsaved()) event.preventDefault();
});

document.addEventListener('click', (event) => {
  const anchor = event.target.closest?.('a[href]');
  if (!anchor || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(anchor.href);
  if (url.origin !== location.origin || !url.pathname.startsWith(BASE) || anchor.target || anchor.hasAttribute('download')) return;
  event.preventDefault();
  go(url.pathname.slice(BASE.length) + url.search);
});
