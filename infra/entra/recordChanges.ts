import type { Graph } from './graph.ts';

/** The id of an object that a dry run would create. */
export const NEW_ID = '(not created yet)';

export interface RecordedGraph {
  readonly graph: Graph;
  /** How many changes were made, or would be made. */
  readonly changes: () => number;
}

/** Reports each change before it is made. A dry run reports the changes only, and reads nothing of objects that do not exist. */
export function recordChanges(
  graph: Graph,
  { dryRun, report }: { readonly dryRun: boolean; readonly report: (line: string) => void },
): RecordedGraph {
  let count = 0;
  const exists = (path: string): boolean => !path.includes(NEW_ID);
  return {
    graph: {
      find: async (path) => (exists(path) ? graph.find(path) : undefined),
      get: (path) => graph.get(path),
      list: async (path) => (exists(path) ? graph.list(path) : []),
      write: async (change) => {
        count++;
        report(dryRun ? `would ${change.what}` : change.what);
        return dryRun ? undefined : graph.write(change);
      },
    },
    changes: () => count,
  };
}
