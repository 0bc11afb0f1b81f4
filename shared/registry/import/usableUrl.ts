import { checkOutboundUrl } from '../../platform/security/addressRules.ts';
import { holdsHidden, secretsNamedIn } from '../secrets/urlSecrets.ts';

/** The URL of a server, or why it is left out. */
export type Judged = { readonly url: string } | { readonly reason: string };

/** Whether an imported URL can be a server's at all. Whether the gateway may call it is judged when it is registered. */
export function usableUrl(url: string): Judged {
  if (/[{}]/.test(url)) return { reason: 'has a url with a placeholder' };
  const checked = checkOutboundUrl(url, 'private_allowed');
  if (!checked.ok) return { reason: `has a url that ${checked.error.message}` };
  if (secretsNamedIn(url).length > 0 || holdsHidden(url))
    return { reason: 'has a secret in its url: no secret is imported' };
  return { url };
}
