import { z } from 'zod';
import { AmqpDecodeError } from './amqpEncoding.ts';

/** What the broker answers when it does not do what a client asks for. */
export interface AmqpError {
  readonly condition: string;
  readonly description: string;
}

export function notImplemented(feature: string): AmqpError {
  const description = `The local Service Bus broker does not implement ${feature}.`;
  return { condition: 'amqp:not-implemented', description };
}

export function notFound(address: string): AmqpError {
  const description = `The messaging entity '${address}' could not be found.`;
  return { condition: 'amqp:not-found', description };
}

export function notAllowed(description: string): AmqpError {
  return { condition: 'amqp:not-allowed', description };
}

/** The answer to bytes that could not be read. @throws the problem, when it is another one. */
export function undecodable(problem: unknown): AmqpError {
  if (!(problem instanceof AmqpDecodeError)) throw problem;
  return { condition: 'amqp:decode-error', description: problem.message };
}

export function malformed(problem: z.ZodError): AmqpError {
  return { condition: 'amqp:invalid-field', description: z.prettifyError(problem) };
}

export function tooLarge(size: number, limit: number): AmqpError {
  const description = `The message has ${size} bytes; the limit is ${limit}.`;
  return { condition: 'amqp:link:message-size-exceeded', description };
}

export const lockLost: AmqpError = {
  condition: 'com.microsoft:message-lock-lost',
  description:
    'The lock supplied is invalid. Either the lock expired, or the message has already been settled.',
};

export const messageNotFound: AmqpError = {
  condition: 'com.microsoft:message-not-found',
  description: 'No scheduled message has this sequence number.',
};
