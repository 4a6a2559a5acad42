import { documentOf } from './document.ts';
import { randomEditWhileRunning } from './edits.ts';
import type { Model } from './model.ts';
import { randomModel } from './random-graph.ts';
import { RealHome } from './real-home.ts';
import { Reference } from './reference.ts';
import type { SeededRandom } from './seeded-random.ts';
import { World } from './world.ts';

/**
 * Edits while tasks run. Which attempts there are depends on the moment, so only these are compared: where it ends,
 * and that never two attempts of a task, nor a task and a reader of what it makes, were alive at once. Tasks hold
 * file locks for that (`document.ts`): the kernel says who lives, not the journal.
 */
export async function playWhileRunning(folder: string, random: SeededRandom, edits: number): Promise<void> {
  const world = new World(folder, new Reference());
  const home = await RealHome.open(folder);
  const story: string[] = [];
  let model = slow(randomModel(random), random);
  const past = [model];
  try {
    await home.apply(documentOf(model, folder));
    for (let serial = 1; serial <= edits; serial++) {
      await home.started(1 + random.below(6));
      const back = random.chance(0.25) ? random.pick(past.slice(-3)) : undefined;
      const edited =
        back === undefined
          ? randomEditWhileRunning({ random, model, world, reference: world.reference, serial })
          : { model: back, what: 'revert' };
      model = slow(edited.model, random);
      past.push(model);
      story.push(`${serial} ${edited.what}`);
      await home.apply(documentOf(model, folder));
      if (random.chance(0.15)) {
        await home.reopen();
        story.push('  opened again');
      }
    }
    await home.rest();
    const wrong = [...(await compareEnd(model, world, home)), ...(await overlaps(home))];
    const violations = world.read('violations');
    if (violations !== undefined) wrong.push(`alive at the same time: ${violations}`);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  } catch (error) {
    throw new Error(`${String(error)}\n\nThe story:\n${story.join('\n')}`, { cause: error });
  } finally {
    await home.close();
  }
}

/** Every task takes its time, under locks; scripts, which hold none, become ordinary commands. */
function slow(model: Model, random: SeededRandom): Model {
  const tasks = model.tasks.map((task) => {
    if (task.flavour === 'Gate' || task.sleep !== '') return task;
    const sleep = `0.${1 + random.below(4)}`;
    return task.flavour === 'Script'
      ? { ...task, flavour: 'Hash' as const, script: undefined, sleep }
      : { ...task, sleep };
  });
  return { ...model, tasks };
}

/** Everything has succeeded, with the bytes of a run from scratch. */
async function compareEnd(model: Model, world: World, home: RealHome): Promise<string[]> {
  const wrong: string[] = [];
  for (const { metadata, status } of await home.tasks())
    if (status.phase !== 'Succeeded') wrong.push(`${metadata.name} is ${status.phase} (${status.reason})`);
  const { reference } = world;
  reference.converge(model);
  for (const { path } of model.tasks.flatMap((task) => task.outputs))
    if (world.read(path) !== reference.content(path))
      wrong.push(
        `${path} holds ${JSON.stringify(world.read(path))}, expected ${JSON.stringify(reference.content(path))}`,
      );
  return wrong;
}

/** By the journal: an attempt is created only after the one before it has ended. */
async function overlaps(home: RealHome): Promise<string[]> {
  const wrong: string[] = [];
  for (const { metadata, status } of await home.tasks())
    status.attempts.forEach((attempt, i) => {
      const before = status.attempts[i - 1];
      if (before && (before.finishTime === undefined || before.finishTime > attempt.createTime))
        wrong.push(`attempt ${attempt.number} of ${metadata.name} was created before attempt ${before.number} ended`);
    });
  return wrong;
}
