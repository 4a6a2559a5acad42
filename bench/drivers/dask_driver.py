"""One worker process for each slot; a task is a call of subprocess.run in it."""

import subprocess

from distributed import Client, LocalCluster

import work


def task(argv, parents):
    return subprocess.run(argv).returncode


def main():
    slots, tasks = work.read()
    with LocalCluster(n_workers=slots, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        futures = []
        for entry in tasks:
            futures.append(client.submit(task, entry["argv"], [futures[p] for p in entry["parents"]], pure=False))
        codes = client.gather(futures)
    work.finished(sum(code == 0 for code in codes))


if __name__ == "__main__":
    main()
