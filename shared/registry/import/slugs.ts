import { createHash } from 'node:crypto';
import { MAX_SLUG_LENGTH } from '../limits.ts';
import { slugSchema } from '../records/server.ts';

/**
 * Returns a unique slug for each name; the order of the names does not matter. A name that is a slug keeps it. Another name becomes
 * its simplified form if no other name has the same form; otherwise that form with the first digits of the name's hash.
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
    // JSON also distinguishes lone surrogates, which UTF-8 does not.
    const digest = createHash('sha256').update(JSON.stringify(name)).digest('hex');
    // A name may equal the slug of another: then more digits are used.
    const lengths = [8, 16, 32].map((digits) => marked(readingOf(name), digest.slice(0, digits)));
    const slug = lengths.find((candidate) => !taken.has(candidate)) ?? digest.slice(0, MAX_SLUG_LENGTH);
    taken.add(slug);
    slugs.set(name, slug);
  }
  return slugs;
}

/**
 * Returns the simplified form: lower-case letters and digits, with one `-` between them. It may be empty or too long for a slug.
 */
const readingOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

function marked(reading: string, mark: string): string {
  const kept = reading.slice(0, MAX_SLUG_LENGTH - mark.length - 1).replace(/-$/, '');
  return `${kept === '' ? 'server' : kept}-${mark}`;
}
