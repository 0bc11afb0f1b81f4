import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { invalidBySchema } from '../../../shared/platform/base/invalid.ts';
import { serverJsonSchema } from '../../../shared/registry/serverJson/serverJson.ts';
import { badServerJsons, remote } from '../../support/badServerJsons.ts';
import { acceptedServerJsons, serverJson } from '../../support/serverJson.ts';

/** What a caller is told, `path: message` each. */
const problemsOf = (document: unknown): readonly string[] => {
  const parsed = serverJsonSchema.safeParse(document);
  if (parsed.success) return [];
  return (invalidBySchema(parsed.error, 'the body').error.errors ?? []).map(
    ({ path, message }) => `${path}: ${message}`,
  );
};

describe('a server.json is refused with a problem that names the field', () => {
  test.each(badServerJsons)('%s', (_, document, path, message) => {
    const problems = problemsOf(document);
    expect(problems.filter((problem) => problem.startsWith(`${path}: `)).join()).toMatch(message);
    expect(problems).toHaveLength(1);
  });

  test('and every problem it has is named', () => {
    const problems = problemsOf({ name: 1, version: '*', remotes: [{ type: 'x' }], packages: [{}] });
    expect(problems.map((problem) => problem.replace(/:.*/, '')).sort()).toEqual([
      'description',
      'name',
      'packages.0.identifier',
      'packages.0.registryType',
      'packages.0.transport',
      'remotes.0.type',
      'version',
    ]);
  });

  test('the table has rows enough', () => {
    expect(badServerJsons.length).toBeGreaterThan(60);
  });
});

describe('a server.json is kept as it is', () => {
  test.each(acceptedServerJsons)('%s', (_, document) => {
    expect(problemsOf(document)).toEqual([]);
    const json = JSON.stringify(document);
    expect(serverJsonSchema.parse(JSON.parse(json))).toEqual(JSON.parse(json));
  });

  test('whatever unknown fields it has, at the top, in a remote and in _meta', () => {
    const unknown = fc.dictionary(
      fc
        .string()
        .filter((key) => key !== '__proto__')
        .map((key) => `x-${key}`),
      fc.jsonValue({ maxDepth: 3 }),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(unknown, (extra) => {
        const document = { ...serverJson({ remotes: [{ ...remote, ...extra }], _meta: extra }), ...extra };
        const json = JSON.stringify(document);
        fc.pre(!json.includes('"__proto__"') && json.length < 30_000);
        expect(serverJsonSchema.parse(JSON.parse(json))).toEqual(JSON.parse(json));
      }),
    );
  });
});
