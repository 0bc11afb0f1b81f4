import { app } from '@azure/functions';
import { readConfig } from '../shared/platform/config/readConfig.ts';
import { announceInstance } from './compose/announceInstance.ts';
import { compose } from './compose/compose.ts';

// One package is deployed as two apps; MREG_APP says which of them this is.
const config = readConfig();
app.setup({ enableHttpStream: true });
const { registerApp } =
  config.app === 'management' ? await import('./management/app.ts') : await import('./mcp/app.ts');
const deps = compose(config);
registerApp(deps);
const announced = announceInstance(deps);
app.hook.appTerminate(async () => {
  await Promise.all([deps.audit.flush(), announced.end()]);
});
