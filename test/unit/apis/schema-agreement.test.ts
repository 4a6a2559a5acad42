import { expect, expectTypeOf, test } from 'vitest';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import type { workflowStatusSchema } from '../../../src/apis/status-schema.ts';
import type { taskDefaultsSchema, taskSchema } from '../../../src/apis/task-schema.ts';
import type { TaskDefaults, TaskSpec, WorkflowSpec, WorkflowStatus } from '../../../src/apis/workflow.ts';
import type { workflowSpecSchema } from '../../../src/apis/workflow-schema.ts';
import type { Json } from '../../../src/base/json.ts';
import { SMALL } from './documents.ts';

// The compiler is the test: the type that a schema describes and the type written by hand are the same type.

type FromSchema<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly 'x-kubernetes-int-or-string': true }
    ? number | string
    : S extends { readonly type: 'string' }
      ? string
      : S extends { readonly type: 'integer' | 'number' }
        ? number
        : S extends { readonly type: 'boolean' }
          ? boolean
          : S extends { readonly type: 'array'; readonly items: infer I }
            ? readonly FromSchema<I>[]
            : S extends { readonly properties: infer P }
              ? FromObject<P, RequiredOf<S>>
              : S extends { readonly additionalProperties: infer V }
                ? Readonly<Record<string, FromSchema<V>>>
                : S extends { readonly type: 'object' }
                  ? Readonly<Record<string, Json>>
                  : Json;

type RequiredOf<S> = S extends { readonly required: readonly (infer K)[] } ? K : never;

type FromObject<P, K> = Flat<
  { readonly [F in keyof P as F extends K ? F : never]: FromSchema<P[F]> } & {
    readonly [F in keyof P as F extends K ? never : F]?: FromSchema<P[F]>;
  }
>;

type Flat<T> = { readonly [K in keyof T]: T[K] };

/** Optional fields of the status may also be written as undefined. */
type Deep<T> = T extends readonly (infer E)[]
  ? readonly Deep<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Deep<Exclude<T[K], undefined>> | (undefined extends T[K] ? undefined : never) }
    : T;

test('schema and types agree', () => {
  expectTypeOf<Deep<FromSchema<typeof taskDefaultsSchema>>>().toEqualTypeOf<Deep<TaskDefaults>>();
  expectTypeOf<Deep<FromSchema<typeof taskSchema>>>().toEqualTypeOf<Deep<TaskSpec>>();
  expectTypeOf<Deep<FromSchema<typeof workflowSpecSchema>>>().toEqualTypeOf<Deep<WorkflowSpec>>();
  expectTypeOf<Deep<FromSchema<typeof workflowStatusSchema>>>().toEqualTypeOf<Deep<WorkflowStatus>>();
  const spec: FromSchema<typeof workflowSpecSchema> | undefined = readWorkflows(SMALL, 'a.yaml').documents[0]?.document
    .spec;
  expect(spec?.tasks.length).toBe(2);
});
