import { describe, expect, test } from 'vitest';
import type { PodOverlay } from '../../../../src/apis/pod-overlay.ts';
import { serviceAccountProblem } from '../../../../src/backends/kubernetes/service-account-problem.ts';

describe('the service account of a task', () => {
  const token = {
    name: 't',
    projected: { sources: [{ configMap: { name: 'c' } }, { serviceAccountToken: { path: 't' } }] },
  };
  const certificate = { name: 'c', projected: { sources: [{ podCertificate: {} }] } };
  const config = { name: 'c', projected: { sources: [{ configMap: { name: 'c' } }] } };
  const map: readonly [what: string, pod: PodOverlay, allowed: readonly string[], refused: boolean][] = [
    ['nothing asked for', {}, [], false],
    ['the ordinary one, by name', { serviceAccountName: 'default' }, [], false],
    ['another', { serviceAccountName: 'admin' }, [], true],
    ['another that is listed', { serviceAccountName: 'admin' }, ['admin'], false],
    ['another than is listed', { serviceAccountName: 'root' }, ['admin'], true],
    ['the token of the ordinary one', { automountServiceAccountToken: true }, [], true],
    ['the same as a file of a volume', { volumes: [config, token] }, [], true],
    ['a volume without a token', { volumes: [config] }, [], false],
    ['a certificate of the pod', { volumes: [certificate] }, [], true],
    ['the token of one that is listed', { serviceAccountName: 'admin', volumes: [token] }, ['admin'], false],
    ['the token of the ordinary one, where another is listed', { volumes: [token] }, ['admin'], true],
    ['the token of the ordinary one, where it is listed', { automountServiceAccountToken: true }, ['default'], false],
  ];
  test.each(map)('%s', (_, pod, allowed, refused) => {
    const problem = serviceAccountProblem(pod, allowed, 'default');
    expect(problem !== undefined, problem).toBe(refused);
  });

  test('is told with what there is', () => {
    expect(serviceAccountProblem({ serviceAccountName: 'x' }, ['a', 'b'], 'default')).toBe(
      'tasks may not run as the service account x: serviceAccounts of the backend names a, b.',
    );
  });
});
