/**
 * Ends the process with one line when the packages of the project, or its own Node, are missing. Node loads this file before
 * a program of the project, and `npm run check` runs it first. It is JavaScript that every Node since 18 runs, because the others
 * cannot run TypeScript.
 */
import { existsSync } from 'node:fs';

const isInstalled = existsSync(new URL('../../node_modules/azurite/package.json', import.meta.url));
const runsTypeScript = Boolean(process.features.typescript);

if (!isInstalled) fail('The packages of the project are not installed. Run this first: npm ci');
if (!runsTypeScript) {
  fail(
    `Node ${process.versions.node} cannot run the project, and the project's own Node is not installed. ` +
      'Its package installs it with a script, so run this: npm ci --ignore-scripts=false',
  );
}

function fail(reason) {
  const command = process.env['npm_lifecycle_event'] ?? 'start';
  console.error(`npm ${command === 'start' ? '' : 'run '}${command}: ${reason}`);
  process.exit(1);
}
