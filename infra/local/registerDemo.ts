import { z } from 'zod';
import { localOrigin, type Ports } from './defaults.ts';
import { LocalError } from './localError.ts';
import { mintAt } from './mint.ts';
import { demoServers, demoUrl } from './processes.ts';

const problemSchema = z.object({ detail: z.string() });
const serverSchema = z.object({
  status: z.string(),
  url: z.string().optional(),
  statusReason: z.string().optional(),
});
type Server = z.infer<typeof serverSchema>;

/** Registers the sample servers and waits until each is active. @throws LocalError when one is not accepted. */
export async function registerDemoServers(ports: Ports): Promise<void> {
  const token = await mintAt(ports.issuer, { role: 'Admin' });
  const call = (method: string, path: string, body?: object) =>
    fetch(localOrigin(ports.management) + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(40_000),
    });

  const registerAll = demoServers.map(async ({ slug, title, description }) => {
    const url = demoUrl(slug, ports);
    const register = async () => {
      const response = await call('POST', '/servers?wait=30', { slug, url, title, description });
      return response.status === 409 ? undefined : readServer(response, slug);
    };
    let server = await register();
    if (!server) {
      const earlier = await readServer(await call('GET', `/servers/${slug}`), slug);
      if (earlier.status === 'active' && earlier.url === url) return;
      // Left by a run that ended midway, or that had other ports.
      await call('DELETE', `/servers/${slug}`);
      server = await register();
    }
    if (server?.status !== 'active') {
      throw new LocalError(
        `The sample server '${slug}' is ${server?.status ?? 'taken'}: ${server?.statusReason ?? 'no reason given'}`,
      );
    }
  });
  await Promise.all(registerAll);
}

async function readServer(response: Response, slug: string): Promise<Server> {
  const body: unknown = await response.json().catch(() => undefined);
  const server = serverSchema.safeParse(body);
  if (!response.ok || !server.success) {
    const why = problemSchema.safeParse(body).data?.detail ?? 'no reason given';
    throw new LocalError(
      `Registering the sample server '${slug}' was answered with status ${response.status}: ${why}`,
    );
  }
  return server.data;
}
