import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { base32 } from '../base/digest.ts';
import { GatheredText } from '../base/gathered-text.ts';
import type { Io, Output } from './io.ts';

/** The real process behind `Io`. */
export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: () => process.stdin,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    // Ids sort by the time they were made.
    newId: () => `${Date.now().toString(36).padStart(9, '0')}${base32(randomBytes(10), 16)}`,
    onSignal: (signal, run) => {
      process.on(signal, run);
      return () => process.off(signal, run);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let closed = false;
  // Lines that come together, as news of many short tasks do, are one write.
  const lines = new GatheredText(stream);
  // A reader that went away (`| head`) is no error of ours.
  stream.on('error', () => {
    closed = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    // Some terminals report a width of 0.
    columns: () => stream.columns || 80,
    closed: () => closed,
    write: (text) => {
      if (!closed) lines.write(text);
      if (closed || !stream.writableNeedDrain) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          stream.off('drain', done);
          stream.off('close', done);
          stream.off('error', done);
          resolve();
        };
        stream.on('drain', done);
        stream.on('close', done);
        stream.on('error', done);
      });
    },
  };
}
