import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secondTenant } from '../../infra/local/defaults.ts';
import { browser, describeWith } from '../support/requirement.ts';
import {
  type ClientPlace,
  inspector,
  mcpRemote,
  providerOf,
  type RunningClient,
  sdkOne,
  sdkTwo,
  type Seen,
  type SigningClient,
} from './signIn/clients.ts';
import type { ProviderOptions } from './signIn/provider.ts';
import { presetClient, type SignInWorld, startSignInWorld } from './signIn/world.ts';

/** A client, how the gateway comes to know it, and what of it goes on over the whole test. */
interface Row {
  readonly client: SigningClient;
  readonly how: string;
  readonly known: (world: SignInWorld) => Partial<ProviderOptions>;
  /** One server by itself instead of all. A token is good for one endpoint. */
  readonly server?: string;
}

const registers = { how: 'registers', known: () => ({}) };
const rows: readonly Row[] = [
  { client: sdkOne, ...registers },
  { client: sdkOne, how: 'is preset, with a secret', known: () => ({ client: presetClient }) },
  { client: sdkTwo, ...registers },
  {
    client: sdkTwo,
    how: 'has a client id metadata document',
    known: ({ documentUrl }) => ({ clientMetadataUrl: documentUrl }),
  },
  { client: sdkTwo, how: 'is at one server', known: () => ({}), server: 'toolbox' },
  { client: mcpRemote, ...registers },
  { client: inspector, ...registers },
];

const table = rows.map((row) => [row.client.name, row.how, row] as const);
const TIME_OUT_MS = 120_000;
/** The lifetime of an access token, and a minute. */
const AFTER_THE_TOKEN_MS = 11 * 60_000;

describeWith(browser, 'a person signs in with a real client', () => {
  let world: SignInWorld;
  const places = new Map<Row, ClientPlace>();
  const running = new Map<Row, RunningClient>();
  beforeAll(async () => {
    world = await startSignInWorld();
  }, TIME_OUT_MS);
  afterAll(async () => {
    await Promise.all([...running.values()].map((client) => client.close()));
    await world.close();
  });

  let openedBefore = 0;
  beforeEach(() => {
    openedBefore = world.browser.opened;
  });
  const opened = (): number => world.browser.opened - openedBefore;

  /** Fails as soon as the browser cannot go on. The client itself would wait for its person. */
  const orStopped = <T>(work: Promise<T>): Promise<T> => Promise.race([work, world.opener.failed]);
  const start = async (row: Row): Promise<void> => {
    const endpoint = row.server === undefined ? 'mcp' : `servers/${row.server}/mcp`;
    const place = places.get(row) ?? (await world.place(endpoint, row.known(world)));
    places.set(row, place);
    running.set(row, await orStopped(row.client.start(place)));
  };
  const look = async (row: Row): Promise<Seen> => {
    const tool = row.server === undefined ? 'toolbox__convert_units' : 'convert_units';
    const client = running.get(row);
    if (!client) throw new Error('It never signed in');
    const seen = await orStopped(client.look(tool, { value: 3, from: 'km', to: 'm' }));
    expect(seen.tools).toContain(tool);
    return seen;
  };

  test.each(table)(
    '%s that %s signs in by its pages',
    async (_name, _how, row) => {
      await world.browser.seat('Uma User');
      await start(row);
      expect((await look(row)).said).toBe('3000 m');
      expect(opened()).toBe(1);
    },
    TIME_OUT_MS,
  );

  test('a person of another tenant signs in at the URL of the tenant', async () => {
    await world.browser.seat('Ursula User');
    const place = await world.place(`mcp?tenant=${secondTenant}`);
    const client = await orStopped(sdkOne.start(place));
    const { said } = await client.look('gateway__list_servers', {});
    expect(JSON.parse(said)).toMatchObject({ items: [] });
    await client.close();
  });

  test('the document of a client was read', () => {
    expect(world.documentReads).toBeGreaterThan(0);
  });

  describe('after a restart of both apps', () => {
    beforeAll(() => world.restart(), TIME_OUT_MS);

    test.each(table)(
      '%s that %s goes on',
      async (_name, _how, row) => {
        expect((await look(row)).said).toBe('3000 m');
        expect(opened()).toBe(0);
      },
      TIME_OUT_MS,
    );

    test.each(table)(
      '%s that %s starts again with what it kept',
      async (_name, _how, row) => {
        await running.get(row)?.close();
        await start(row);
        expect((await look(row)).said).toBe('3000 m');
        expect(opened()).toBe(0);
      },
      TIME_OUT_MS,
    );
  });

  describe('after its access token has run out', () => {
    beforeAll(() => world.restart(AFTER_THE_TOKEN_MS), TIME_OUT_MS);

    test('the token is not accepted any more', async () => {
      const [place] = places.values();
      const authorization = `Bearer ${(place && providerOf(place).accessToken) ?? ''}`;
      const answer = await fetch(place?.url ?? '', { method: 'POST', headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/error="invalid_token".*expired/);
    });

    test.each(table)(
      '%s that %s refreshes it',
      async (_name, _how, row) => {
        expect((await look(row)).said).toBe('3000 m');
        expect(opened()).toBe(0);
      },
      TIME_OUT_MS,
    );
  });
});
