/**
 * Node loads this file before Azurite. It stops Azurite when the parent process is gone. On SIGTERM it closes the channel
 * to the parent, because an open channel would keep Azurite running.
 */
let stopping = false;

process.on('SIGTERM', () => {
  if (stopping) return;
  stopping = true;
  // Azurite has a listener of its own after its start.
  if (process.listenerCount('SIGTERM') === 1) process.exit(0);
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(1), 5_000).unref();
});
process.on('disconnect', () => {
  if (!stopping) process.kill(process.pid, 'SIGTERM');
});
