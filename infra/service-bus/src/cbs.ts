import type { Reply, ReplyNames } from './requestLink.ts';

export const cbsReplyNames: ReplyNames = {
  status: 'status-code',
  description: 'status-description',
  condition: 'error-condition',
};

/** Takes any token: the broker serves this machine only and checks no credentials. */
export function putToken(): Reply {
  return { status: 202 };
}
