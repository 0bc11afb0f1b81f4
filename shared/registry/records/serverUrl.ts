import type { Seal } from '../../platform/security/seal.ts';
import { hideUrlSecrets } from '../secrets/urlSecrets.ts';

/** The URL of a server as a record holds it. */
export interface ServerUrl {
  /** Everybody may read it: each secret value is replaced by a marker. */
  readonly url: string;
  /** The whole URL, sealed for the tenant; absent where the URL holds no secret. */
  readonly sealedUrl?: string | undefined;
}

/** Returns the URL as a record holds it. */
export function sealUrl(url: string, tenantId: string, seal: Seal): ServerUrl {
  const hidden = hideUrlSecrets(url);
  return hidden === url ? { url } : { url: hidden, sealedUrl: seal.close('server_url', [tenantId], url) };
}

/** Returns the whole URL for a call, or `undefined` where the key that sealed it was removed from the settings. */
export function openUrl({ url, sealedUrl }: ServerUrl, tenantId: string, seal: Seal): string | undefined {
  if (sealedUrl === undefined) return url;
  const opened = seal.open('server_url', [tenantId], sealedUrl);
  return typeof opened === 'string' ? opened : undefined;
}
