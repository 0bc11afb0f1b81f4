import type { DomainError } from '../../platform/base/errors.ts';

/**
 * Returns the failure for an unknown name. `noun` says what it should name. The message suggests the nearest known name, or
 * lists all.
 */
export function unknownName(noun: string, name: string, known: readonly string[]): DomainError {
  const nearest = nearestName(name, known);
  const hint =
    nearest === undefined ? `known: ${known.join(', ') || 'none yet'}` : `did you mean "${nearest}"?`;
  return { kind: 'not_found', message: `there is no ${noun} "${name}"; ${hint}` };
}

/** Returns the known name that a person most likely meant: the nearest one of which at most a third of the letters differ. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(name.slice(0, 100), candidate) }))
    .filter(({ candidate, distance }) => distance <= candidate.length / 3)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Returns the Levenshtein distance: the fewest letters to insert, delete or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    let diagonal = index;
    row = row.reduce<number[]>((next, above, column) => {
      const left = next[column - 1];
      const cost =
        left === undefined
          ? index + 1
          : Math.min(above + 1, left + 1, diagonal + (to[column - 1] === from[index] ? 0 : 1));
      diagonal = above;
      next.push(cost);
      return next;
    }, []);
  }
  return row[to.length] ?? 0;
}
