export { startBroker, type Broker, type BrokerOptions } from './broker.ts';
export { connectionStringFor } from './connectionString.ts';
export type { QueueSettings } from './queue.ts';
