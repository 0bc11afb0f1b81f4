import { createHash } from 'node:crypto';
import { slugSchema } from '../records/server.ts';

const MAX_LENGTH = 40;

/**
 * A slug for each name, no two alike, whatever the order of the names. A name that is a slug keeps it. Others become the
 * slug that they read like, if no other name reads like it; else that with the first digits of the name's hash.
 */
export function slugsFor(names: Iterable<string>): ReadonlyMap<string, string> {
  const unique = [...new Set(names)].sort();
  const readings = Map.groupBy(unique, readingOf);
  const slugs = new Map<string, string>();
  const rest: string[] = [];
  for (const name of unique) {
    const reading = readingOf(name);
    const isPlain = name === reading || readings.get(reading)?.length === 1;
    if (isPlain && slugSchema.safeParse(reading).success) slugs.set(name, reading);
    else rest.push(name);
  }
  const taken = new Set(slugs.values());
  for (const name of rest) {
    // As JSON writes them, halves of characters are told apart too.
    const digest = createHash('sha256').update(JSON.stringify(name)).digest('hex');
    // A name may be spelled as another's slug: then more digits tell them apart.
    const lengths = [8, 16, 32].map((digits) => marked(readingOf(name), digest.slice(0, digits)));
    const slug = lengths.find((candidate) => !taken.has(candidate)) ?? digest.slice(0, MAX_LENGTH);
    taken.add(slug);
    slugs.set(name, slug);
  }
  return slugs;
}

/** Small letters, digits, and one `-` for everything between them; it may be empty or too long for a slug. */
const readingOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

function marked(reading: string, mark: string): string {
  const kept = reading.slice(0, MAX_LENGTH - mark.length - 1).replace(/-$/, '');
  return `${kept === '' ? 'server' : kept}-${mark}`;
}
