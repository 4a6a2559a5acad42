"""A server and one worker in this process; a task is a program."""

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

import work


def main():
    slots, tasks = work.read()
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=slots))
        client = cluster.client()
        job = Job()
        programs = []
        for entry in tasks:
            programs.append(job.program(entry["argv"], deps=[programs[p] for p in entry["parents"]]))
        submitted = client.submit(job)
        # It raises when a task failed.
        client.wait_for_jobs([submitted])
    work.finished(len(programs))


if __name__ == "__main__":
    main()
