/** Returns `Authorization` with a client's id and secret, each form-encoded first (RFC 6749, section 2.3.1). */
export const basicAuthorization = (clientId: string, clientSecret: string): string =>
  `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`;

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
