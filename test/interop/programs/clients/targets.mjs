/**
 * Runs `visit` at each target of the command line, `[{ url, headers, prefix }]` in JSON, and prints what it returns, one
 * line of JSON for each. A prefix stands before every name at the target. An error is printed in the place of the result.
 */
export async function visitTargets(visit) {
  for (const target of JSON.parse(process.argv[2])) {
    const seen = await visit(target).catch((error) => ({ error: String(error?.stack ?? error) }));
    console.log(JSON.stringify(seen));
  }
  process.exit(0);
}

/** The calls that every client makes. */
export const calls = [
  ['echo', { message: 'Grüße, 世界' }],
  ['get-sum', { a: 2, b: 40 }],
  ['get-structured-content', { location: 'Chicago' }],
];
