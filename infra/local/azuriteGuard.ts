/**
 * Loaded ahead of Azurite, which knows nothing of a parent: stops it when its parent is gone, and lets it end
 * when it has been told to, which an open channel to the parent would prevent.
 */
let stopping = false;

process.on('SIGTERM', () => {
  if (stopping) return;
  stopping = true;
  // Azurite listens too, once it is up.
  if (process.listenerCount('SIGTERM') === 1) process.exit(0);
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(1), 5_000).unref();
});
process.on('disconnect', () => {
  if (!stopping) process.kill(process.pid, 'SIGTERM');
});
