import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Scene } from '../scene.ts';
import { WrongOutcome } from '../stage.ts';
import type { Work } from '../work.ts';
import { documentOf } from './document.ts';
import { STATE } from './program.ts';

const FOLDER = 'fixpoint.dev/folder';
const PATH = '/apis/fixpoint.dev/v1alpha1/namespaces/default/plan?changesOnly=true';

/** Milliseconds from asking the daemon for the plan of an edited work to its whole answer, by a client that runs already. */
export async function answeredIn({ dir }: Scene, work: Work, { edit }: Required<Pick<Work, 'edit'>>): Promise<number> {
  const document = JSON.parse(documentOf({ ...work, edit })) as { metadata: Record<string, unknown> };
  document.metadata['annotations'] = { [FOLDER]: dir };
  const { socket } = JSON.parse(readFileSync(join(dir, STATE, 'holder.json'), 'utf8')) as { socket: string };
  const body = JSON.stringify(document);
  const begin = performance.now();
  const { status, text } = await ask(socket, body);
  const answeredMs = performance.now() - begin;
  if (status !== 200 || !text.includes('"Reset":1')) throw new WrongOutcome(`the plan was ${text.slice(0, 200)}`);
  return answeredMs;
}

function ask(socketPath: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request({ socketPath, path: PATH, method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
