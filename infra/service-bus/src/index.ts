export { connectionStringFor, startBroker, type Broker, type BrokerOptions } from './broker.ts';
export type { QueueSettings } from './queue.ts';
