import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Scene } from '../scene.ts';
import { WrongOutcome } from '../stage.ts';
import type { Work } from '../work.ts';
import { documentOf } from './document.ts';
import { STATE } from './program.ts';

const FOLDER = 'fixpoint.dev/folder';
const BASE = '/apis/fixpoint.dev/v1alpha1/namespaces/default';

/** What is asked about the document, and what its answer must hold. */
const QUESTIONS = {
  apply: { path: `${BASE}/apply`, says: '"outcome":"Unchanged"' },
  plan: { path: `${BASE}/plan?changesOnly=true`, says: '"Reset":1' },
} as const;

/** Milliseconds from asking the daemon to its whole answer, by a client that runs already. */
export async function answeredIn({ dir }: Scene, work: Work, question: keyof typeof QUESTIONS): Promise<number> {
  const document = JSON.parse(documentOf(work)) as { metadata: Record<string, unknown> };
  document.metadata['annotations'] = { [FOLDER]: dir };
  const { socket } = JSON.parse(readFileSync(join(dir, STATE, 'holder.json'), 'utf8')) as { socket: string };
  const { path, says } = QUESTIONS[question];
  const body = JSON.stringify(document);
  const begin = performance.now();
  const { status, text } = await post(socket, path, body);
  const answeredMs = performance.now() - begin;
  if (status !== 200 || !text.includes(says))
    throw new WrongOutcome(`the answer to ${question} was ${text.slice(0, 200)}`);
  return answeredMs;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function post(socketPath: string, path: string, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request({ socketPath, path, method: 'POST', headers }, (answer) => {
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
