// Lists that the service does not look through: they are read whole, a thousand rows at a time, and searched and sorted here.
import { all } from './api.js';

const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
/** Milliseconds that rows count as read: turning a page or typing a word reads nothing. */
const FRESH = 5000;

/**
 * A source of rw-table.
 *
 * @param load (signal) gives all rows
 * @param text (row) what the search looks in
 * @param columns with sort(row) where one can sort by it
 */
export function whole(load, text, columns) {
  let rows;
  let at = 0;
  return async ({ q, sort, offset, limit }, signal) => {
    if (!rows || Date.now() - at > FRESH) {
      rows = await load(signal);
      at = Date.now();
    }
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter((row) => {
      const shown = text(row).toLowerCase();
      return words.every((word) => shown.includes(word));
    });
    const down = sort.startsWith('-');
    const by = columns.find((each) => each.key === sort.slice(down ? 1 : 0))?.sort;
    if (by) {
      // What has no value comes last, whichever way; among equals the name decides, 16 before 106.
      const compare = (a, b) => (a == null ? (b == null ? 0 : 1) : b == null ? -1 : (down ? -1 : 1) * (typeof a === 'number' ? a - b : order.compare(a, b)));
      found.sort((a, b) => compare(by(a), by(b)) || order.compare(a.name ?? '', b.name ?? ''));
    }
    return { rows: found.slice(offset, offset + limit), count: found.length };
  };
}

/** The rows of one list of the API, as it is. */
export const listOf = (path, name) => (signal) => all(path, name, {}, undefined, signal);
