import { test as plain } from 'vitest';
import { Sandbox } from './cli.ts';

/** A test with a sandbox of its own, which is taken away whatever came of the test. */
export const test = plain.extend<{ readonly box: Sandbox }>({
  box: async ({ onTestFinished }, use) => {
    const box = new Sandbox();
    onTestFinished(() => box.dispose());
    await use(box);
  },
});
