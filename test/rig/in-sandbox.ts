import { test as plain } from 'vitest';
import { Sandbox } from './cli.ts';

/** A test with a sandbox of its own, which is taken away whatever came of the test. */
export const test = plain.extend<{ readonly box: Sandbox }>({
  box: async ({ task: _ }, use) => {
    const box = new Sandbox();
    await use(box);
    await box.dispose();
  },
});
