import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

/** A program that not every machine has, and where it is on this one. */
export interface Requirement {
  readonly name: string;
  readonly path: string | undefined;
}

export function onPath(program: string): Requirement {
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
  return { name: program, path };
}

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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
