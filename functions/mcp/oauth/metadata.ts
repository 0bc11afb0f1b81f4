import { openIdMetadata, serverMetadata } from '../../../shared/identity/broker/serverMetadata.ts';
import type { AppDeps } from '../../compose/deps.ts';
import { publicDocument } from '../../http/answers.ts';
import type { Route } from '../../http/route.ts';
import { endpointPaths } from '../endpointPaths.ts';

/**
 * The metadata of the gateway's authorization server: RFC 8414 and OpenID, at the root, and where clients look that take the URL of
 * an endpoint for the issuer: the well-known path before that of the endpoint (RFC 8414, section 3.1), and after it (OpenID Connect
 * Discovery 1.0, section 4). Each is the same document, and its issuer is the origin of the gateway, byte for byte.
 */
export function serverMetadataRoutes({ config }: Pick<AppDeps, 'config'>): readonly Route[] {
  const documents = {
    oauth: ['.well-known/oauth-authorization-server', serverMetadata(config)],
    openid: ['.well-known/openid-configuration', openIdMetadata(config)],
  } as const;
  return Object.entries(documents).flatMap(([kind, [wellKnown, body]]) => {
    const route = (name: string, path: string): Route => ({
      name: `oauth-metadata-${kind}-${name}`,
      method: 'GET',
      path,
      permission: 'anonymous',
      query: 'any',
      handle: () => Promise.resolve(publicDocument(body)),
    });
    return [
      route('root', wellKnown),
      ...Object.entries(endpointPaths).flatMap(([name, path]) => [
        route(`before-${name}`, `${wellKnown}/${path}`),
        ...(kind === 'openid' ? [route(`after-${name}`, `${path}/${wellKnown}`)] : []),
      ]),
    ];
  });
}
