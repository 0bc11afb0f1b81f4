/** A process that becomes ready and then does not stop when it is asked to. */
process.on('SIGTERM', () => undefined);
process.send?.({ type: 'ready' });
setInterval(() => undefined, 1_000);
