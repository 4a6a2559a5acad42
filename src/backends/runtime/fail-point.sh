# Named fail points; `src/base/fail-point.ts` lists them and says what they are for. Read by `spawner.sh` and `attempt.sh` when one is armed, and
# then only. Passings are counted over a spawner and its attempts: each makes the next file that is not there, which
# exactly one can.
: "${FIXPOINT_FAIL_NOTES:=$(mktemp -d)}"
export FIXPOINT_FAIL_NOTES
fx_armed=${FIXPOINT_FAIL_POINT%@*} fx_armed_at=${FIXPOINT_FAIL_POINT##*@} fx_notes=$FIXPOINT_FAIL_NOTES

# Kills the shell itself, not a part of it that was forked.
fx_point() {
  [ "$1" = "$fx_armed" ] && [ -d "$fx_notes" ] || return 0
  fx_passing=1
  until (set -C && : > "$fx_notes/$1.$fx_passing") 2>/dev/null; do fx_passing=$((fx_passing + 1)); done
  [ "$fx_passing" = "$fx_armed_at" ] || return 0
  printf '%s\n' "$$" > "$fx_notes/$1@$fx_armed_at"
  kill -KILL $$
}
