/**
 * Prints the full name of each failed test of one or more runs, then the sums of all: `N passed, N failed`. The arguments are the
 * name of each run and its JSON report, in turn. A run without a report has not happened: then the program fails, without sums.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

let passed = 0;
let failed = 0;
const args = process.argv.slice(2);
for (let at = 0; at < args.length; at += 2) {
  const [run, file] = args.slice(at, at + 2);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  for (const name of report.testResults.flatMap(failuresIn)) console.log(`failed in ${run}: ${name}`);
}
console.log(`${passed} passed, ${failed} failed`);

/** A file can fail without a failed test: it does not load, or a hook of a suite fails and the tests of the suite do not run. */
function failuresIn({ name, status, message, assertionResults }) {
  const path = relative('', name);
  const names = assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ ancestorTitles, title }) => [path, ...ancestorTitles, title].join(' > '));
  if (names.length > 0 || status !== 'failed') return names;
  return [`${path}: ${message.split('\n', 1)[0] || 'a hook failed'}`];
}
