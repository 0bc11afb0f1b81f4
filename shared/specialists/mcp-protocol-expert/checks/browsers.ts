import { type Check, failed, passed } from './check.ts';
import { refused, step } from './look.ts';

/**
 * What keeps web pages from using a server behind its user's back. The specification wants the first of a server itself; since
 * the SDKs leave it to whoever deploys a server, and a proxy in front may do it, it is a warning here.
 */
export const browserChecks: readonly Check[] = [
  {
    id: 'foreign_origin_refused',
    spec: {
      legacy: '2025-11-25/basic/transports#security-warning',
      modern: '2026-07-28/basic/transports/streamable-http#security-endpoint',
    },
    severity: 'warning',
    requires: 'A request from a web page of another origin is refused with HTTP 403.',
    remedy:
      'Compare the header Origin with the origins that may call the server, or do it in the proxy before it.',
    judge: (transcript) =>
      step(transcript, 'foreign origin', ({ status }) =>
        status === 403 ? passed() : failed(`it answered HTTP ${status}`, { status }),
      ),
  },
  {
    id: 'text_body_refused',
    spec: {
      legacy: '2025-11-25/basic/transports#sending-messages-to-the-server',
      modern: '2026-07-28/basic/transports/streamable-http#sending-messages',
    },
    severity: 'info',
    requires: 'A body whose content type is not application/json is refused.',
    remedy: 'Answer HTTP 415: a web page may send text/plain to any address without being asked.',
    judge: (transcript) => refused(transcript, 'text body'),
  },
  {
    id: 'accept_header_heeded',
    spec: {
      legacy: '2025-11-25/basic/transports#sending-messages-to-the-server',
      modern: '2026-07-28/basic/transports/streamable-http#sending-messages',
    },
    severity: 'info',
    requires: 'A client that accepts neither JSON nor an event stream is refused.',
    remedy: 'Answer HTTP 406, so that a client that cannot read answers learns it at once.',
    judge: (transcript) => refused(transcript, 'unacceptable form'),
  },
];
