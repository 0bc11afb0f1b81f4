import { type Result, succeed } from '../../platform/base/result.ts';
import type { Config } from '../../platform/config/config.ts';
import { type Resource, resourceOf } from '../tokens/resources.ts';
import { refused } from './signInRefusal.ts';

/** The settings that say which endpoints the gateway has. */
export type EndpointSettings = Pick<Config, 'publicOrigin' | 'managementOrigin'>;

/** Returns the endpoint that a request names, the one of all servers where it names none (RFC 8707, section 2). Failure: `invalid_target`. */
export function requestedResource(asked: string | undefined, config: EndpointSettings): Result<Resource> {
  const resource = resourceOf(asked, config);
  return resource
    ? succeed(resource)
    : refused(
        'invalid_target',
        'resource_unknown',
        'resource must be the URL of an endpoint of this gateway',
      );
}
