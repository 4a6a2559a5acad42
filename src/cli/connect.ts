import type { Home } from '../controllers/home.ts';
import { probeSocket } from '../server/socket.ts';
import { connectClient } from './client.ts';
import { configOf } from './config.ts';
import { CommandFailure, EXIT } from './exit-code.ts';
import type { Io } from './io.ts';
import { elsewhereMessage, findPlace, ownerOf, type Place, type WhereOptions } from './locate-state.ts';
import { openHome, patiently } from './open-home.ts';
import { VERSION } from './version.ts';

/** A home to speak to, and how it is reached. */
export interface Connection {
  readonly home: Home;
  /** `server`: a live one carries out what is asked; `files`: the state folder, read or noted in. */
  readonly through: 'server' | 'files';
  readonly stateDir: string | undefined;
  readonly close: () => Promise<void>;
}

export type Access = 'read' | 'write';

export async function connect(io: Io, where: WhereOptions, access: Access): Promise<Connection> {
  const place = await findPlace(where, io.env, io.cwd);
  if (!place.ok) throw new CommandFailure(EXIT.unreachable, place.error);
  return connectTo(io, place.value, access);
}

export async function connectTo(io: Io, place: Place, access: Access): Promise<Connection> {
  return patiently(io.clock, () => connectNow(io, place, access));
}

async function connectNow(io: Io, place: Place, access: Access): Promise<Connection> {
  if (place.kind === 'cluster') return overCluster(io, place);
  if (place.kind === 'socket') {
    if ((await probeSocket(place.path)) !== 'alive') {
      throw new CommandFailure(EXIT.unreachable, `nobody answers on unix:${place.path}`);
    }
    return overSocket(place.path, undefined);
  }
  const owner = await ownerOf(place.dir);
  if (owner.kind === 'live') return overSocket(owner.holder.socket, place.dir);
  if (owner.kind === 'elsewhere') {
    throw new CommandFailure(EXIT.unreachable, elsewhereMessage(place.dir, owner.holder));
  }
  if (owner.kind === 'silent') {
    const { pid, socket } = owner.holder;
    throw new CommandFailure(EXIT.unreachable, `the daemon (pid ${pid}) does not answer on unix:${socket}`);
  }
  return overFiles(io, place.dir, access);
}

function overSocket(socketPath: string, stateDir: string | undefined): Connection {
  const home = connectClient(socketPath);
  return {
    home,
    through: 'server',
    stateDir,
    close: async () => home.close(),
  };
}

/** Loaded on demand: most commands need nothing of it. */
async function overCluster(io: Io, { kubeconfig, context }: Extract<Place, { kind: 'cluster' }>): Promise<Connection> {
  const { openClusterClient } = await import('../controllers/cluster-client.ts');
  const userAgent = `fixpoint/${VERSION}`;
  const opened = await openClusterClient({ kubeconfig, context, env: io.env, clock: io.clock, userAgent });
  if (!opened.ok) throw new CommandFailure(EXIT.unreachable, opened.error);
  return { home: opened.value, through: 'server', stateDir: undefined, close: () => opened.value.close() };
}

/** Nobody runs here: what is there can be read, and wishes can be noted for whoever runs next. */
async function overFiles(io: Io, stateDir: string, access: Access): Promise<Connection> {
  const { backends } = await configOf(io, undefined, stateDir);
  const home = await openHome({ stateDir, backends, ...(access === 'read' ? { readOnly: true } : { passive: true }) });
  if (access === 'read') await io.stderr.write(`fixpoint: no daemon serves ${stateDir}; reading it as it was left.\n`);
  return { home, through: 'files', stateDir, close: () => home.close() };
}

/** After a request went into the files: nobody acts on it yet, and the user should know. */
export async function noteRecorded(io: Io, connection: Connection): Promise<void> {
  if (connection.through === 'server') return;
  await io.stderr.write(
    `fixpoint: no daemon serves ${connection.stateDir}; recorded. A daemon or \`fixpoint run\` will carry it out.\n`,
  );
}
