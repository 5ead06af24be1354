// node check.mjs BOM MINIMUMS NODE_MODULES CONSOLE: whether what is shipped is as new as it has to be. Says each fault in a line; status 1 if any.
import fs from 'node:fs';
import path from 'node:path';

const [bomFile, listFile, modules, app] = process.argv.slice(2);
const faults = [];

/** [1, 2, 3] of 1.2.3, 1.2.3.Final and the like; [1, 2, 3, -1] of what comes before it, as 1.2.3-rc1; null of what is no version. */
function parts(version) {
  const match = /^(\d+(?:\.\d+)*)(?:[.-](.+))?$/.exec(version ?? '');
  if (!match) return null;
  const numbers = match[1].split('.').map(Number);
  return match[2] && !/^(final|ga|release|jre)$/i.test(match[2]) ? [...numbers, -1] : numbers;
}

function older(version, minimum) {
  for (let i = 0; i < Math.max(version.length, minimum.length); i++) {
    const difference = (version[i] ?? 0) - (minimum[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

const bom = JSON.parse(fs.readFileSync(bomFile, 'utf8'));
const components = (bom.components ?? []).map(({ group, name, version }) => ({ id: `${group}:${name}`, version }));
if (components.length === 0) faults.push(`${bomFile} lists nothing`);

const lines = fs.readFileSync(listFile, 'utf8').split('\n');
let looked = 0;
lines.forEach((line, index) => {
  if (line.trim() === '' || line.startsWith('#')) return;
  const [artifact, minimum, advisories, ...more] = line.split('\t');
  const wanted = parts(minimum);
  if (!wanted || !advisories || more.length > 0) {
    faults.push(`${listFile}:${index + 1} is not: artifact, tab, minimum version, tab, advisories or -`);
    return;
  }
  const pattern = new RegExp('^' + artifact.split('*').map((text) => text.replace(/[.]/g, '\\.')).join('.*') + '$');
  const found = components.filter(({ id }) => pattern.test(id));
  if (found.length === 0) faults.push(`${artifact} is not in ${bomFile}: if it is no longer shipped, take it off the list`);
  for (const { id, version } of found) {
    looked++;
    const has = parts(version);
    if (!has) faults.push(`the version of ${id} cannot be read: ${JSON.stringify(version ?? null)}`);
    else if (older(has, wanted)) faults.push(`${id} ${version} is older than ${minimum}: ${advisories}`);
  }
});

// What the console imports, with all that this depends on, as the bundler unpacked it, is in the list of what is shipped.
const bundled = new Map();
function bundle(name) {
  if (bundled.has(name)) return;
  const file = path.join(modules, name, 'package.json');
  const description = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  bundled.set(name, description.version);
  Object.keys(description.dependencies ?? {}).forEach(bundle);
}
for (const source of fs.readdirSync(app).filter((name) => name.endsWith('.js'))) {
  for (const [, name] of fs.readFileSync(path.join(app, source), 'utf8').matchAll(/\bfrom '((?:@[^'/]+\/)?[^'./][^'/]*)/g)) bundle(name);
}
if (bundled.size === 0) faults.push(`no npm code in ${app}: what the console is bundled with cannot be seen`);
for (const [name, version] of bundled) {
  const [scope, plain] = name.startsWith('@') ? name.slice(1).split('/') : [null, name];
  const id = `${scope ? `org.mvnpm.at.${scope}` : 'org.mvnpm'}:${plain}`;
  const listed = components.find((component) => component.id === id);
  if (!version) faults.push(`the version of ${name} cannot be read in ${modules}`);
  else if (!listed) faults.push(`${name} ${version} is bundled into the console and not in ${bomFile}`);
  else if (listed.version !== version) faults.push(`the console is bundled with ${name} ${version}, and ${bomFile} says ${listed.version}`);
}

faults.forEach((fault) => console.error(fault));
if (faults.length > 0) process.exit(1);
console.log(`${components.length} components, ${looked} of them with a least version; ${bundled.size} npm packages in the console`);
