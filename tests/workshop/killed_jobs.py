"""Runs one job again and again and kills it: started as a program of its own, since it forks.

What a job imports is imported once, here; each attempt is a forked child that runs the job's own main function over real
pipes and is ended by SIGKILL: one in four at any moment from its first on, the others shortly behind one of their first
steps, so that the job gets on. Arguments: the job's folder, how many kills, a seed. Prints how many kills and attempts.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time

import companion.workshop.job as worker
import companion.workshop.recipes.fine_tune  # noqa: F401 - what takes long to import


def attempt(folder: str, seconds: float, steps: int) -> bool:
    """One process, killed so long after so many steps, not at all with negative seconds; whether it ended by itself."""
    requests, replies = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(requests[0], 0)
        os.dup2(replies[1], 1)
        os.closerange(3, 64)
        os._exit(worker.main(folder))
    os.close(requests[0])
    os.close(replies[1])
    said, at = b"", None if steps else time.monotonic() + seconds
    while True:
        if seconds >= 0 and at is None and said.count(b'"StepDone"') >= steps:
            at = time.monotonic() + seconds
        wait = None if at is None or seconds < 0 else max(at - time.monotonic(), 0.0)
        if not select.select([replies[0]], [], [], wait)[0]:
            os.kill(child, signal.SIGKILL)
            at = time.monotonic() + 60.0
            continue
        part = os.read(replies[0], 1 << 16)
        if not part:
            break
        said += part
    _, status = os.waitpid(child, 0)
    os.close(requests[1])
    os.close(replies[0])
    return os.WIFEXITED(status)


def main(folder: str, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    killed = attempts = 0
    finished = False
    while not finished:
        attempts += 1
        if killed == kills:
            finished = attempt(folder, -1.0, 0)
        elif chance.random() < 0.25:
            finished = attempt(folder, chance.uniform(0.0, 0.4), 0)
        else:
            finished = attempt(folder, chance.uniform(0.0, 0.03), chance.randint(1, 4))
        killed += not finished
    print(killed, attempts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
