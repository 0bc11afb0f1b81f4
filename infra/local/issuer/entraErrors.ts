import { randomUUID } from 'node:crypto';

/** An error of Entra: its number, the error code of OAuth and a text. */
export interface EntraError {
  readonly number: number;
  readonly code: string;
  readonly text: string;
}

const error = (number: number, code: string, text: string): EntraError => ({ number, code, text });

/**
 * The requests that Entra refuses. Numbers and codes are those of Entra, the texts are not.
 * Source: "Microsoft Entra authentication and authorization error codes".
 */
export const entraErrors = {
  unknownTenant: error(90002, 'invalid_request', 'The tenant is unknown.'),
  unknownClient: (id: string) =>
    error(700016, 'unauthorized_client', `No application with the client id '${id}' is registered.`),
  wrongRedirect: (uri: string) =>
    error(50011, 'invalid_request', `The redirect URI '${uri}' is none of those that are registered.`),
  missing: (parameter: string) =>
    error(900144, 'invalid_request', `The request must have the parameter '${parameter}'.`),
  responseType: error(700054, 'unsupported_response_type', "The response_type must be 'code'."),
  grantType: error(70003, 'unsupported_grant_type', 'The grant_type is not supported.'),
  wrongResource: error(
    9010010,
    'invalid_target',
    'The resource parameter is no identifier URI of the API of the requested scopes.',
  ),
  unknownResource: (name: string) =>
    error(500011, 'invalid_resource', `The tenant has no resource with the name '${name}'.`),
  unknownScope: (scope: string, resource: string) =>
    error(650053, 'invalid_client', `The scope '${scope}' does not exist on the resource '${resource}'.`),
  severalResources: error(28000, 'invalid_scope', 'The scope has more than one resource.'),
  noProof: error(7000218, 'invalid_client', "The body must have 'client_assertion' or 'client_secret'."),
  wrongSecret: error(7000215, 'invalid_client', 'The client secret is wrong.'),
  wrongAssertion: error(700213, 'invalid_client', 'No federated credential matches the assertion.'),
  isPublic: error(700025, 'invalid_client', 'The client is public and must send no secret and no assertion.'),
  wrongGrant: error(
    70000,
    'invalid_grant',
    'The code or the refresh token is malformed, or of another client.',
  ),
  codeExpired: error(70008, 'invalid_grant', 'The code has expired.'),
  codeUsed: error(54005, 'invalid_grant', 'The code was used already.'),
  wrongVerifier: error(501481, 'invalid_grant', 'The code_verifier does not match the code_challenge.'),
  wrongAssertionOfUser: error(50013, 'invalid_grant', 'The assertion is no token of a user for this client.'),
  disabled: error(50057, 'invalid_grant', 'The account is disabled.'),
  revoked: error(50173, 'invalid_grant', 'The sign-in was revoked: the person must sign in again.'),
  notSignedIn: error(50058, 'login_required', 'The person is not signed in, and no page may be shown.'),
  declined: error(65004, 'access_denied', 'The person cancelled the sign-in.'),
} as const;

export const describe = ({ number, text }: EntraError): string => `AADSTS${number}: ${text}`;

/** Returns the answer of the token endpoint (RFC 6749, section 5.2), with the fields of Entra. */
export function errorBody(error: EntraError): object {
  const trace = randomUUID();
  return {
    error: error.code,
    error_description: describe(error),
    error_codes: [error.number],
    timestamp: new Date().toISOString(),
    trace_id: trace,
    correlation_id: trace,
  };
}
