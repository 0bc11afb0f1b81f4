import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { topics } from './bridging.ts';

const testFolder = join(import.meta.dirname, '..');

/**
 * Fails a run in which a test that `bridging.ts` names has not passed. It checks the files that the run includes, so that the
 * complete run checks all of them.
 */
export default class BridgingReporter implements Reporter {
  private isFiltered = false;

  onInit({ config }: Vitest): void {
    this.isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.isFiltered) return;
    const passed = new Map(
      modules.map(({ moduleId, children }) => [
        relative(testFolder, moduleId).replaceAll('\\', '/'),
        [...children.allTests('passed')].map(({ fullName }) => fullName),
      ]),
    );
    const missing = topics.flatMap(({ topic, tests }) =>
      Object.entries(tests).flatMap(([name, titles]) => {
        const file = `${name}.test.ts`;
        const names = passed.get(file);
        if (!names) return existsSync(join(testFolder, file)) ? [] : [`${topic}: ${file} does not exist`];
        return titles
          .filter((title) => !names.some((name) => patternOf(title).test(name)))
          .map((title) => `${topic}: ${file} has no passed test "${title}"`);
      }),
    );
    if (missing.length === 0) return;
    console.error(`\n   Bridging of the eras, test/support/bridging.ts\n     ${missing.join('\n     ')}\n`);
    process.exitCode = 1;
  }
}

/** Vitest has filled in the placeholders of the title, such as `%s` and `$name`. */
function patternOf(title: string): RegExp {
  const parts = title.split(/%[a-z]|\$\{?\w+\}?/);
  return new RegExp(parts.map((part) => part.replaceAll(/[^\w\s]/g, '\\$&')).join('.*'));
}
