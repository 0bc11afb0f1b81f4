import { isProduction } from '../../../shared/platform/config/environment.ts';
import { runChild } from '../childProcess.ts';
import { issuerOptions } from '../options.ts';
import { startIssuer } from './issuer.ts';

await runChild('issuer', async () => {
  if (isProduction(process.env)) throw new Error('signs tokens for development only');
  const issuer = await startIssuer(issuerOptions(process.argv.slice(2)));
  return { line: `Token issuer on ${issuer.origin}`, stop: () => issuer.stop() };
});
