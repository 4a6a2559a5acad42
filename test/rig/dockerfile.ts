import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

// A Dockerfile as data, and its steps as a script where there is no engine: each stage is a folder that stands for its
// file system. A path of the image is that path inside the folder; programs are those of this machine.

export interface Instruction {
  readonly word: string;
  /** What stands behind the word, with continued lines put together. */
  readonly text: string;
  readonly line: number;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly steps: readonly Instruction[];
}

/** Comments and empty lines are passed over, also inside a continued line, as Docker does. */
export function parseDockerfile(text: string): readonly Instruction[] {
  const found: Instruction[] = [];
  let open: { word: string; text: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const more = line.endsWith('\\');
    const part = more ? line.slice(0, -1).trim() : line;
    if (open === undefined) {
      const [word = '', ...rest] = part.split(/\s+/);
      open = { word: word.toUpperCase(), text: rest.join(' '), line: index + 1 };
    } else open.text += ` ${part}`;
    if (more) continue;
    found.push(open);
    open = undefined;
  }
  if (open !== undefined) throw new Error(`line ${open.line} is continued by nothing`);
  return found;
}

export function stagesOf(instructions: readonly Instruction[]): readonly Stage[] {
  const stages: { image: string; name: string | undefined; steps: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.word === 'FROM') {
      const [image = '', as, name] = instruction.text.split(/\s+/);
      stages.push({ image, name: as?.toUpperCase() === 'AS' ? name : undefined, steps: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`line ${instruction.line}: ${instruction.word} before FROM`);
      stage.steps.push(instruction);
    }
  }
  return stages;
}

/** The argv of an instruction in exec form, undefined for the shell form. */
export function execForm(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  return JSON.parse(text) as readonly string[];
}

/** What a stage says about the process that it will start. */
export interface Built {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export interface BuildOptions {
  readonly context: string;
  /** Names at the top of the context that the image may see (`.dockerignore`). */
  readonly visible: readonly string[];
  readonly scratch: string;
  /** True for a RUN that needs root or a network: it is left out, and the caller counts it. */
  readonly leaveOut: (command: string) => boolean;
}

/** Does the steps of all stages; the last one is the image. Throws with the output of a step that fails. */
export function buildStages(stages: readonly Stage[], options: BuildOptions): Built {
  const roots = new Map<string, string>();
  let built: Built | undefined;
  for (const [index, stage] of stages.entries()) {
    const root = join(options.scratch, stage.name ?? `stage-${index}`);
    mkdirSync(root, { recursive: true });
    if (stage.name !== undefined) roots.set(stage.name, root);
    built = buildStage(stage, root, roots, options);
  }
  if (built === undefined) throw new Error('no stage');
  return built;
}

function buildStage(stage: Stage, root: string, roots: ReadonlyMap<string, string>, options: BuildOptions): Built {
  let folder = root;
  const built = { root, env: {} as Record<string, string>, user: undefined as string | undefined };
  const argv = { ENTRYPOINT: [] as readonly string[], CMD: [] as readonly string[] };
  for (const { word, text, line } of stage.steps) {
    if (word === 'WORKDIR') {
      folder = join(root, text);
      mkdirSync(folder, { recursive: true });
    } else if (word === 'COPY') copy(text, folder, roots, options);
    else if (word === 'RUN') {
      if (!options.leaveOut(text)) shell(text, folder, built.env);
    } else if (word === 'ENV') {
      const [name = '', value = ''] = text.split('=', 2);
      built.env[name] = value;
    } else if (word === 'USER') built.user = text;
    else if (word === 'ENTRYPOINT' || word === 'CMD') argv[word] = execForm(text) ?? ['/bin/sh', '-c', text];
    else throw new Error(`line ${line}: ${word} is not known here`);
  }
  return { ...built, entrypoint: argv.ENTRYPOINT, command: argv.CMD };
}

function copy(text: string, folder: string, roots: ReadonlyMap<string, string>, options: BuildOptions): void {
  const words = text.split(/\s+/);
  const from = /^--from=(.+)$/.exec(words[0] ?? '')?.[1];
  const paths = from === undefined ? words : words.slice(1);
  const sources = paths.slice(0, -1);
  const into = join(folder, paths.at(-1) ?? '');
  for (const source of sources) {
    if (from === undefined && !options.visible.includes(source.split('/')[0] ?? ''))
      throw new Error(`COPY ${source}: .dockerignore hides it`);
    const root = from === undefined ? options.context : roots.get(from);
    if (root === undefined) throw new Error(`COPY --from=${from}: no such stage`);
    const path = join(root, source);
    if (!existsSync(path)) throw new Error(`COPY ${source}: it is not there`);
    // A folder's content is copied, a file goes into the folder that ends in a slash.
    const target = (paths.at(-1) ?? '').endsWith('/') ? join(into, basename(source)) : into;
    cpSync(path, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  }
}

function shell(command: string, cwd: string, env: Readonly<Record<string, string>>): void {
  const ran = spawnSync('/bin/sh', ['-c', command], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, npm_config_prefer_offline: 'true', ...env },
  });
  if (ran.status !== 0) throw new Error(`RUN ${command}\nended with ${ran.status}\n${ran.stdout}${ran.stderr}`);
}

/** Lets another user read what was built, as the files of an image are. */
export function openToOthers(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) openToOthers(join(folder, entry.name));
}
