"""parsl_driver.py threads|htex [memo]: `memo` keeps results between runs, as checkpoints at the end of every task."""

import os
import shlex
import sys

import parsl
from parsl.app.app import bash_app
from parsl.executors import HighThroughputExecutor, ThreadPoolExecutor
from parsl.providers import LocalProvider
from parsl.utils import get_all_checkpoints

import work

MEMO = "memo" in sys.argv


@bash_app(cache=MEMO)
def task(line, parents):
    return line


def memo_options():
    """Checkpoints belong to the memoizer in current versions, to the configuration in older ones."""
    if not MEMO:
        return {}
    files = get_all_checkpoints() if os.path.isdir("runinfo") else []
    try:
        from parsl.dataflow.memoization import BasicMemoizer
    except ImportError:
        return {"checkpoint_mode": "task_exit", "checkpoint_files": files}
    return {"memoizer": BasicMemoizer(checkpoint_mode="task_exit", checkpoint_files=files)}


def main():
    # Its worker processes are programs beside the interpreter.
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    slots, tasks = work.read()
    if sys.argv[1] == "threads":
        executor = ThreadPoolExecutor(max_threads=slots)
    else:
        executor = HighThroughputExecutor(
            max_workers_per_node=slots,
            address="127.0.0.1",
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
    parsl.load(parsl.Config(executors=[executor], initialize_logging=False, **memo_options()))
    futures = []
    for entry in tasks:
        futures.append(task(shlex.join(entry["argv"]), [futures[p] for p in entry["parents"]]))
    codes = [future.result() for future in futures]
    parsl.dfk().cleanup()
    work.finished(sum(code == 0 for code in codes))


if __name__ == "__main__":
    main()
