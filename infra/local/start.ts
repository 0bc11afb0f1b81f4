import { startOptions } from './options.ts';
import { runInTerminal } from './runInTerminal.ts';

await runInTerminal({ command: 'npm start', readOptions: startOptions });
