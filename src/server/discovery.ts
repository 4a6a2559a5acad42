import { API_VERSION, GROUP, VERSION } from '../apis/meta.ts';
import type { RequestContext } from './request-context.ts';

const GROUP_VERSION = { groupVersion: API_VERSION, version: VERSION };

const API_GROUP = { name: GROUP, versions: [GROUP_VERSION], preferredVersion: GROUP_VERSION };

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

export async function groupList(context: RequestContext): Promise<void> {
  await context.sendJson({ kind: 'APIGroupList', apiVersion: 'v1', groups: [API_GROUP] });
}

export async function groupDiscovery(context: RequestContext): Promise<void> {
  await context.sendJson({ kind: 'APIGroup', apiVersion: 'v1', ...API_GROUP });
}

export async function resourceDiscovery(context: RequestContext): Promise<void> {
  const workflows = {
    name: 'workflows',
    singularName: 'workflow',
    namespaced: true,
    kind: 'Workflow',
    verbs: VERBS,
    shortNames: ['fwf'],
    categories: ['fixpoint'],
  };
  const status = { name: 'workflows/status', singularName: '', namespaced: true, kind: 'Workflow', verbs: ['get'] };
  await context.sendJson({
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: API_VERSION,
    resources: [workflows, status],
  });
}

export async function serverVersion(context: RequestContext): Promise<void> {
  const [major = '', minor = ''] = context.services.version.split('.');
  await context.sendJson({ major, minor, gitVersion: `v${context.services.version}`, platform: process.platform });
}

export async function health(context: RequestContext): Promise<void> {
  await context.sendText('ok');
}

export async function ready(context: RequestContext): Promise<void> {
  if (context.services.isReady?.() ?? true) await context.sendText('ok');
  else await context.sendText('not ready', 503);
}
