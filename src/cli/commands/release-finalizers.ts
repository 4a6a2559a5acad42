import { LABELS, MANAGER, OUTCOME_FINALIZER } from '../../backends/kubernetes/pod-names.ts';
import { Api } from '../../kubernetes/api.ts';
import { openCluster } from '../../kubernetes/cluster.ts';
import { type ApiObject, CONFIG_MAPS, NAMESPACES, PODS, type Resource } from '../../kubernetes/resource.ts';
import { Transport } from '../../kubernetes/transport.ts';
import { WORKFLOW_FINALIZER } from '../../sources/cluster/workflow-source.ts';
import { WORKFLOWS } from '../../store/cluster/api-workflows.ts';
import { LEDGER_FINALIZER, LEDGER_LABEL } from '../../store/cluster/config-map-parts.ts';
import type { CommandContext } from '../command.ts';
import { CommandFailure, EXIT } from '../exit-code.ts';
import { VERSION } from '../version.ts';

interface Held {
  readonly resource: Resource;
  readonly finalizer: string;
  readonly labelSelector?: string;
}

const MAX_LOOKS = 10;
/** Workflows first: what belongs to them is being deleted then. */
const HELD: readonly Held[] = [
  { resource: WORKFLOWS, finalizer: WORKFLOW_FINALIZER },
  { resource: CONFIG_MAPS, finalizer: LEDGER_FINALIZER, labelSelector: LEDGER_LABEL },
  { resource: PODS, finalizer: OUTCOME_FINALIZER, labelSelector: `${LABELS.managedBy}=${MANAGER}` },
];

/** Lets go of what is being deleted and waits for an operator that does not come. Nothing else is touched. */
export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const cluster = await openCluster({
    kubeconfig: context.text('kubeconfig'),
    context: context.text('context'),
    namespace: context.text('namespace'),
    env: io.env,
    clock: io.clock,
  });
  if (!cluster.ok) throw new CommandFailure(EXIT.unreachable, cluster.error);
  const transport = new Transport({ cluster: cluster.value, userAgent: `fixpoint/${VERSION}`, clock: io.clock });
  try {
    const api = new Api(transport);
    const namespace = context.flag('allNamespaces') ? undefined : cluster.value.namespace;
    const leaving = await leavingNamespaces(api, namespace);
    let released = 0;
    // Letting go of a workflow has the rest of it deleted: it is looked for until nothing is found.
    for (let found = 1, looks = 0; found > 0 && looks < MAX_LOOKS; looks++) {
      found = 0;
      for (const held of HELD)
        for (const object of await deleting(api, held, namespace, leaving)) {
          found++;
          if (!(await letGo(api, held, object))) continue;
          released++;
          const { name, namespace: its } = object.metadata;
          await io.stdout.write(`${held.resource.plural}/${name} in ${its}: let go\n`);
        }
    }
    await io.stdout.write(`${released} released\n`);
    return EXIT.done;
  } finally {
    await transport.close();
  }
}

/** Of a namespace that is being deleted the pods go first, and nothing else is before they are gone: all of it is on its way. */
async function leavingNamespaces(api: Api, namespace: string | undefined): Promise<ReadonlySet<string>> {
  const fieldSelector = namespace === undefined ? undefined : `metadata.name=${namespace}`;
  const leaving = new Set<string>();
  for await (const page of api.list<ApiObject>(NAMESPACES, { fieldSelector })) {
    // Who may not see namespaces lets go of what is marked itself.
    if (!page.ok) return leaving;
    for (const { metadata } of page.value.items)
      if (metadata.deletionTimestamp !== undefined) leaving.add(metadata.name ?? '');
  }
  return leaving;
}

async function deleting(
  api: Api,
  { resource, finalizer, labelSelector }: Held,
  namespace: string | undefined,
  leaving: ReadonlySet<string>,
): Promise<readonly ApiObject[]> {
  const found: ApiObject[] = [];
  for await (const page of api.list<ApiObject>(resource, { namespace, labelSelector })) {
    // Without the kind there are no workflows.
    if (!page.ok && page.error.kind === 'NotFound') return [];
    if (!page.ok) throw new CommandFailure(EXIT.unreachable, page.error.message);
    for (const object of page.value.items) {
      const { deletionTimestamp, finalizers, namespace: its = '' } = object.metadata;
      if ((deletionTimestamp !== undefined || leaving.has(its)) && finalizers?.includes(finalizer)) found.push(object);
    }
  }
  return found;
}

/** False: somebody has changed it since. */
async function letGo(api: Api, { resource, finalizer }: Held, { metadata }: ApiObject): Promise<boolean> {
  const { uid, resourceVersion, namespace, name = '' } = metadata;
  const finalizers = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
  const body = { metadata: { uid, resourceVersion, finalizers } };
  const patched = await api.patch(resource, { namespace, name }, { type: 'merge', body });
  if (patched.ok) return true;
  if (patched.error.kind === 'NotFound' || patched.error.kind === 'Conflict') return false;
  throw new CommandFailure(EXIT.unreachable, `${resource.plural}/${name}: ${patched.error.message}`);
}
