import { describe, test } from 'vitest';
import { findProgram } from '../../infra/local/findProgram.ts';

/** A program that not every machine has, and where it is on this one. */
export interface Requirement {
  readonly name: string;
  readonly path: string | undefined;
}

export const onPath = (program: string): Requirement => ({ name: program, path: findProgram(program) });

/** A browser, of which each system has another. */
export const browser: Requirement = {
  name: 'browser (chromium or google-chrome)',
  path: ['chromium', 'google-chrome', 'chromium-browser'].map((name) => findProgram(name)).find(Boolean),
};

/**
 * A suite that needs a program. Where it is missing the suite is skipped and says so in its name, except in CI
 * (`CI=true`), where everything must run: there it fails.
 */
export function describeWith(requirement: Requirement, name: string, suite: () => void): void {
  const reason = `no ${requirement.name} on the PATH`;
  if (requirement.path !== undefined) describe(name, suite);
  else if (process.env['CI'] !== 'true') describe.skip(`${name} (not run: ${reason})`, suite);
  else {
    describe(name, () => {
      test('can run', () => {
        throw new Error(`${reason}, and in CI nothing is skipped`);
      });
    });
  }
}
