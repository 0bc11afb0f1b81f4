import { expect } from 'vitest';
import { managementApi } from '../support/managementApi.ts';
import type { SharedTopology } from '../support/sharedTopology.ts';
import type { Door } from './session.ts';

/** Registers a running server, and returns the two endpoints at which clients reach it. */
export async function registerServer(
  topology: SharedTopology,
  slug: string,
  url: string,
): Promise<{ readonly own: Door; readonly aggregate: Door }> {
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  const registered = await admin.post('/servers?wait=30', { slug, url });
  expect(registered.body).toMatchObject({ status: 'active' });
  const headers = { authorization: `Bearer ${await topology.mint({ role: 'User' })}` };
  return {
    own: { url: `${topology.urls.mcp}/servers/${slug}/mcp`, headers },
    aggregate: {
      url: `${topology.urls.mcp}/mcp`,
      headers,
      names: { tool: `${slug}__`, uri: `mcp+${slug}+` },
    },
  };
}
