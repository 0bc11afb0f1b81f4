/** An error that the person who deploys can act on. The message says what is wrong and what to do; no stack is shown. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError';
}
