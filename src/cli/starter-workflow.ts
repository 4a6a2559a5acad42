/** What `init` writes: small, complete, and every line of it works. */
export function starterWorkflow(name: string, schema: string): string {
  return `# yaml-language-server: $schema=./${schema}
apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata:
  name: ${name}
spec:
  # Values that tasks use as \${{ params.NAME }}; \`--param greeting=hi\` sets one for a run.
  params:
    greeting: hello
    people: [ada, grace, edsger]

  # Merged under every task.
  defaults:
    retry: {limit: 1}
    resources: {cpu: 1, memory: 256Mi, walltime: 10m}

  tasks:
    # One task for each element: greet/ada, greet/grace, greet/edsger.
    - name: greet
      foreach: {itemsFrom: "\${{ params.people }}"}
      outputs: [{name: text, path: "out/\${{ key }}.txt"}]
      # A value never becomes part of the script's text: quotes in it are harmless.
      run: |
        mkdir -p out
        echo \${{ params.greeting }}, \${{ item }} > \${{ outputs.text }}

    # Reading the outputs of another task makes the edge: it runs when all of greet is done.
    - name: collect
      inputs: [{name: texts, paths: ["\${{ tasks.greet.outputs.text }}"]}]
      outputs: [{name: all, path: out/all.txt}]
      run: cat \${{ inputs.texts }} > \${{ outputs.all }}

# Now change the greeting of one person, or the command of collect, and run again: only what changed, and what
# truly depends on it, runs. \`fixpoint plan -f\` says so beforehand, \`fixpoint explain\` afterwards.
`;
}
