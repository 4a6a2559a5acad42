// Loaded into a program by NODE_OPTIONS=--import: how late its event loop was, written to the file that
// FIXPOINT_BENCH_LOOP names when the program ends. SIGUSR2 begins anew: how a program starts is another question. Children of the program inherit both variables; they must not
// overwrite it, so the variable is taken away here.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const file = process.env.FIXPOINT_BENCH_LOOP;
delete process.env.FIXPOINT_BENCH_LOOP;
delete process.env.NODE_OPTIONS;

if (file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  process.on('SIGUSR2', () => histogram.reset());
  process.on('exit', () => {
    // The histogram holds whole intervals between looks; what goes beyond the pause that was asked for is delay.
    const delay = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    const figures = {
      p50: delay(histogram.percentile(50)),
      p99: delay(histogram.percentile(99)),
      max: delay(histogram.max),
      looks: histogram.count,
    };
    writeFileSync(file, JSON.stringify(figures));
  });
}
