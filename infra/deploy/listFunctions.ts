import { listFunctions } from '@mcp-registry-gateway/functions-host';

/** Prints the names of the functions of the app in the folder of the first argument, as JSON. Then this process ends. */
console.log(JSON.stringify(await listFunctions(process.argv[2] ?? '.')));
process.exit(0);
