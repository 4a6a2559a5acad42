#!/bin/sh
# One element of a submission on its node: finds its run folder and becomes the attempt runtime.
#
#   element.sh SUBMISSION NEWS RUNTIME
#
# SUBMISSION/tasks holds one line per element in index order, `TOKEN DIRECTORY`. NEWS is where marks are left for the
# daemon: `TOKEN.s` when it is about to claim, `TOKEN.e` when it has ended. Marks are hints: what counts is in the run folder.
# The runtime is read into this process, so that the one process that Slurm signals is the one that supervises.
#
# Exit status: that of the runtime; 98 also where the folder of the submission cannot be seen on this node.
set -u
fx_submission=$1 fx_news=$2 fx_runtime=$3
# The login environment came by `--export=NONE`, which steps would inherit: with it, srun would give them nothing.
unset SLURM_EXPORT_ENV SBATCH_EXPORT
fx_index=${SLURM_ARRAY_TASK_ID:-0}

# A file system may take a moment to show on this node what was written on another.
fx_left=10
until [ -r "$fx_submission/tasks" ] && [ -r "$fx_runtime" ]; do
  fx_left=$((fx_left - 1))
  if [ "$fx_left" = 0 ]; then
    echo "fixpoint: $fx_submission cannot be read on $(uname -n)" >&2
    exit 98
  fi
  sleep 1
done
fx_line=$(sed -n "$((fx_index + 1)){p;q}" "$fx_submission/tasks")
fx_token=${fx_line%% *} fx_dir=${fx_line#* }
# The folder of an attempt ends in its token: else a byte has changed since.
case $fx_dir in *?-"$fx_token") [ -n "$fx_token" ] || exit 98 ;; *) exit 98 ;; esac

{ : > "$fx_news/$fx_token.s"; } 2>/dev/null
# Whoever finds a claim and turns back says so: then its first incarnation may live on a node that was lost.
trap 'fx_status=$?
[ "$fx_status" != 97 ] || : > "$fx_dir/turned-back"
: > "$fx_news/$fx_token.e"' EXIT
{ read -r fx_boot < /proc/sys/kernel/random/boot_id; } 2>/dev/null || fx_boot=
set -- "$fx_dir" "$fx_token" "${SLURMD_NODENAME:-$(uname -n)}" "$fx_boot" "$(readlink /proc/self/ns/pid)"
. "$fx_runtime"
