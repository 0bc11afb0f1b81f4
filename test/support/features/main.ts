import { startFeatureServer, type Eras } from './featureServer.ts';

/** The feature server as a process of its own: says its URL, and ends with its parent. */
const server = await startFeatureServer((process.argv[2] ?? 'both') as Eras);
console.log(server.url);
