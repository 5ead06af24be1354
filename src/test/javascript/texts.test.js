// Every text that a module names is there, and what opens the console needs none of those that come later.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { t } from '../app/texts.js';

const APP = new URL('../app/', import.meta.url);
const read = (file) => readFileSync(new URL(file, APP), 'utf8');

/** A module and what it cannot begin without. */
function closure(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, other] of read(file).matchAll(/^(?:import|\} from|export .* from)\b[^;]*?'\.\/([\w-]+\.js)'/gm)) closure(other, found);
  return found;
}

function missing(files) {
  const faults = [];
  for (const file of files) {
    for (const [named, path] of read(file).matchAll(/\bt((?:\.\w+)+)/g)) {
      let at = t;
      for (const key of path.slice(1).split('.')) {
        if (typeof at !== 'object' || at === null) break; // what is done with a text
        if (!(key in at)) faults.push(`${file}: ${named}`);
        at = at[key];
      }
    }
  }
  return faults;
}

test('every text that is named is there', async () => {
  const opening = closure('app.js');
  assert.ok(opening.has('overview.js') && opening.has('table.js') && !opening.has('keys.js'), [...opening].join());
  assert.deepEqual(missing(opening), []);
  await import('../app/texts-later.js');
  const all = readdirSync(APP).filter((file) => file.endsWith('.js') && !file.startsWith('texts'));
  assert.deepEqual(missing(all), []);
});
