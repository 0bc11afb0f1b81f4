import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Loaded into an app with `--import`: says four times a second how long its event loop was held up at most. */
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
setInterval(() => {
  console.log(`loop_delay_ms ${process.env['MREG_APP'] ?? ''} ${(delay.max / 1e6).toFixed(1)}`);
  delay.reset();
}, 250).unref();
