#!/bin/sh
# The spawner: a small resident process that forks attempts, so that the daemon, large and single-threaded, never
# forks. One per daemon process, in its own session; it is the parent of attempts and so reaps them.
#
#   spawner.sh RUNTIME HOST BOOT PIDNS      RUNTIME is attempt.sh
#
# stdin   one frame per line: `L TOKEN DIR TOKEN`. A line that does not begin and end alike was torn and is
#         dropped; who sent it will look at the folder and send again.
# fd 3    notices of the runtimes: `S TOKEN …` claimed and started, `E TOKEN` ended; our own `R` when ready.
#
# At the end of stdin (the daemon is gone) it waits for its children and ends. Attempts do not need it to live.
set -u
fx_runtime=$1 fx_host=$2 fx_boot=$3 fx_pidns=$4
fx_point() { :; }
[ -z "${FIXPOINT_FAIL_POINT-}" ] || . "${fx_runtime%/*}/fail-point.sh"
trap : PIPE
# Stopping the daemon stops nothing that runs.
trap '' HUP INT
fx_point ready.before
printf 'R %s\n' "$$" >&3
fx_point ready.after
while read -r fx_kind fx_token fx_rest; do
  fx_dir=${fx_rest% "$fx_token"}
  [ "$fx_kind" = L ] && [ -n "$fx_token" ] && [ "$fx_dir" != "$fx_rest" ] || continue
  fx_point receive.before
  /bin/sh "$fx_runtime" "$fx_dir" "$fx_token" "$fx_host" "$fx_boot" "$fx_pidns" < /dev/null > /dev/null 2>> "$fx_dir/runtime.log" &
  fx_point receive.after
done
wait
