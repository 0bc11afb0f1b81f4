import { describe, expect, test } from 'vitest';
import { registrationSchema } from '../../../shared/registry/records/server.ts';

const remote = { type: 'streamable-http', url: 'https://mcp.example.com/mcp', headers: [{ name: 'X-Key' }] };
const server = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'com.example/inventory',
  description: 'What is in stock',
  title: 'Inventory',
  version: '1.2.0',
  remotes: [{ type: 'sse', url: 'https://mcp.example.com/sse' }, remote],
  'x-unknown': { kept: [1] },
};
const parse = (body: object) => registrationSchema.safeParse({ slug: 'inventory', ...body });
const problems = (body: object) =>
  parse(body).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('a registration', () => {
  test('by URL is taken as it is', () => {
    expect(parse({ url: 'https://mcp.example.com/mcp', title: ' Stock ' }).data).toMatchObject({
      url: 'https://mcp.example.com/mcp',
      title: 'Stock',
    });
  });

  test('by server.json takes its URL, title and description from there, and keeps every field', () => {
    expect(parse({ server }).data).toEqual({
      slug: 'inventory',
      url: remote.url,
      title: 'Inventory',
      description: 'What is in stock',
      tags: [],
      server,
    });
  });

  test('says its own title and description before those of the server.json', () => {
    expect(parse({ server, title: 'Ours', description: 'As we call it' }).data).toMatchObject({
      title: 'Ours',
      description: 'As we call it',
    });
  });

  test.each([
    [{}, 'url: give either url or server'],
    [{ url: remote.url, server }, 'url: give either url or server'],
    [{ server: { ...server, remotes: [] } }, 'server.remotes: has none of the type streamable-http'],
    [
      { server: { ...server, name: 'no slash' } },
      'server.name: must be a reverse DNS name and a server name, with one slash',
    ],
    [
      { server: { ...server, 'x-long': 'x'.repeat(32_000) } },
      'server: is longer than 32000 characters of JSON',
    ],
    [
      { url: remote.url, upstream: { timeoutMs: 999_999, retries: 9, era: 'old', headers: {} } },
      'upstream.timeoutMs: must be at most 100000',
    ],
    [
      { url: remote.url, upstream: { headers: { 'X-Key': { credential: 'k' } } } },
      'upstream.headers.X-Key: Invalid key in record',
    ],
    [
      { url: remote.url, upstream: { headers: { 'mcp-session-id': { credential: 'k' } } } },
      'upstream.headers.mcp-session-id: Invalid key in record',
    ],
    [
      { url: remote.url, upstream: { headers: { authorization: 'Bearer secret' } } },
      'upstream.headers.authorization: must be an object, not a string',
    ],
    [{ url: remote.url, visibility: 'public' }, 'visibility: must be one of tenant, shared'],
  ])('%# is refused with a word on what to change', (body, problem) => {
    expect(problems(body)?.[0]).toBe(problem);
  });
});
