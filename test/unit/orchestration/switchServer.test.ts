import { describe, expect, test } from 'vitest';
import { registerServers } from '../../../shared/orchestration/plans/bulkRegistration.ts';
import { registerServer } from '../../../shared/orchestration/plans/serverRegistration.ts';
import { refreshServer, updateServer } from '../../../shared/orchestration/plans/serverUpdate.ts';
import { switchServer } from '../../../shared/orchestration/servers/switchServer.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import { caller } from '../../support/engine.ts';
import { type RegistryOptions, type TestRegistry, testRegistry } from '../../support/registrations.ts';

const slug = 'inventory';
const registration = { slug, url: 'https://mcp.example.com/mcp' };

async function registry(more: object = {}, options: RegistryOptions = {}): Promise<TestRegistry> {
  const run = testRegistry(options);
  await registerServer({ ...registration, ...more }, caller, run.deps);
  await run.drain();
  return run;
}
const stored = async ({ deps }: TestRegistry) => {
  const found = await deps.servers.find('t1', slug);
  if (!found) throw new Error('the server is gone');
  return found;
};
const statusOf = async (run: TestRegistry) => (await stored(run)).value.status;
const published = async ({ versions }: TestRegistry) =>
  (await versions.list('t1', { latestOnly: true, includeDeleted: false }, 9)).items.length;
const turn = (run: TestRegistry, status: 'active' | 'disabled', more: { etag?: string } = {}) =>
  switchServer({ slug, ...more }, status, caller, run.deps);

test('a server is disabled and withdrawn, and enabled and published again, as often as one likes', async () => {
  const run = await registry();
  for (let time = 0; time < 2; time++) {
    expect(await turn(run, 'disabled')).toMatchObject({ ok: true, value: { value: { status: 'disabled' } } });
    expect([await statusOf(run), await published(run)]).toEqual(['disabled', 0]);
    expect(await turn(run, 'active')).toMatchObject({ ok: true, value: { value: { status: 'active' } } });
    expect([await statusOf(run), await published(run)]).toEqual(['active', 1]);
  }
});

test('a repetition changes nothing, and completes a call whose process died', async () => {
  const run = await registry();
  await turn(run, 'disabled');
  const before = await stored(run);
  expect(await turn(run, 'disabled')).toMatchObject({ ok: true });
  expect(await stored(run)).toEqual(before);
  // The process died between the record and the published entry.
  await run.deps.servers.replace({ ...before.value, status: 'active' }, before.etag);
  expect(await turn(run, 'active')).toMatchObject({ ok: true });
  expect(await published(run)).toBe(1);
});

describe('a disabled server stays disabled', () => {
  test.each<[string, (run: TestRegistry) => Promise<unknown>]>([
    ['after a refresh', (run) => refreshServer({ slug }, caller, run.deps)],
    [
      'after a change',
      (run) => updateServer({ slug }, { url: registration.url, title: 'Other' }, caller, run.deps),
    ],
  ])('%s', async (_, act) => {
    const run = await registry();
    await turn(run, 'disabled');
    const before = await stored(run);
    expect(await act(run)).toMatchObject({ ok: true });
    await run.drain();
    const after = await stored(run);
    expect(after.value).toMatchObject({ status: 'disabled', statusChangedAt: before.value.statusChangedAt });
    expect(after.etag).not.toBe(before.etag);
    expect(await published(run)).toBe(0);
    await turn(run, 'active');
    expect(await published(run)).toBe(1);
  });

  test('when it was registered so', async () => {
    const run = await registry({ disabled: true });
    expect((await stored(run)).value).toMatchObject({ status: 'disabled', discovery: {} });
    expect(await published(run)).toBe(0);
    const many = testRegistry();
    await registerServers([{ ...registration, disabled: true }], caller, many.deps);
    await many.pump();
    expect(await statusOf(many)).toBe('disabled');
  });
});

test('its slug is not free, and it can be removed', async () => {
  const run = await registry({ disabled: true });
  expect(await registerServer(registration, caller, run.deps)).toMatchObject({
    ok: false,
    error: { kind: 'already_exists' },
  });
});

test('is refused for another version of the record, for a rejected server and for an unknown one', async () => {
  const run = await registry();
  expect(await turn(run, 'disabled', { etag: 'other' })).toMatchObject({ error: { kind: 'conflict' } });
  expect(await turn(run, 'disabled', { etag: (await stored(run)).etag })).toMatchObject({ ok: true });
  expect(await switchServer({ slug: 'none' }, 'active', caller, run.deps)).toMatchObject({
    error: { kind: 'not_found' },
  });
  const refused = await registry({}, { validate: () => fail({ kind: 'unavailable', message: 'no' }) });
  expect(await turn(refused, 'active')).toMatchObject({ error: { kind: 'already_exists' } });
  expect(await statusOf(refused)).toBe('rejected');
  const pending = testRegistry();
  await registerServer(registration, caller, pending.deps);
  expect(await turn(pending, 'disabled')).toMatchObject({ error: { kind: 'already_exists' } });
});

test('is not enabled where another server has taken its published name', async () => {
  const server = {
    name: 'com.example/stock',
    description: 'What is in stock',
    version: '1.0.0',
    remotes: [{ type: 'streamable-http', url: 'https://stock.example.com/mcp' }],
  };
  const run = await registry({ server, disabled: true });
  await registerServer({ slug: 'other', url: registration.url, server }, caller, run.deps);
  await run.drain();
  expect(await turn(run, 'active')).toMatchObject({ error: { kind: 'already_exists' } });
  expect(await statusOf(run)).toBe('disabled');
});
