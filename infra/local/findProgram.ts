import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first program of this name in the folders of the PATH that can be run. */
export function findProgram(name: string, searchPath = process.env['PATH'] ?? ''): string | undefined {
  return searchPath
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
