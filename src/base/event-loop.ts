/** Lets everything else that waits have its turn: timers, sockets, files. */
export function nextEventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
