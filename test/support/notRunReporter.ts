import type { Reporter, TestModule } from 'vitest/node';

/** Names under the summary what this machine lacks, as `describeWith` says it: what was not run is not taken for passed. */
export default class NotRunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const names = modules.flatMap(({ children }) => [...children.allSuites()].map(({ name }) => name));
    const notRun = names.filter((name) => name.includes('(not run: '));
    if (notRun.length > 0) console.log(`\n   Not run  ${notRun.join('\n            ')}\n`);
  }
}
