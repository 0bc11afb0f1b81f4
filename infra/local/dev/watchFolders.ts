import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

export interface FolderWatch {
  /** Resolves with the first change of any file or folder below. */
  readonly changed: Promise<undefined>;
  close(): void;
}

/**
 * Watches each folder below `roots` by itself, because a recursive watch of Node loses a file that an editor replaces. It
 * does not see new folders, so the caller starts a new watch after each change.
 */
export function watchFolders(roots: readonly string[]): FolderWatch {
  const { promise: changed, resolve } = Promise.withResolvers<undefined>();
  const watchers: FSWatcher[] = [];
  for (const folder of roots.flatMap(foldersBelow)) {
    try {
      const watcher = watch(folder, () => {
        resolve(undefined);
      });
      watcher.on('error', () => {
        resolve(undefined);
      });
      watchers.push(watcher);
    } catch {
      // The folder has just been removed, which is a change.
      resolve(undefined);
    }
  }
  return {
    changed,
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}

function foldersBelow(root: string): readonly string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return [
    root,
    ...entries.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name)),
  ];
}
