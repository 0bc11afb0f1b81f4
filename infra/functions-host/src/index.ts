export {
  listFunctions,
  readHostOptions,
  startHost,
  type HostOptions,
  type RunningHost,
} from './functionsHost.ts';
export { decodePath, encodePath } from './requestTarget.ts';
