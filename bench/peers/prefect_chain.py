"""The chain of 40 in Prefect: prefect_chain.py tasks | processes. Prints the seconds of the second run of two.

tasks: tasks are called, in the flow's own process. processes: they are submitted to a pool of processes. The server is the one
that Prefect starts for a flow that was given none; the first run has started it.
"""
import sys
import time

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ProcessPoolTaskRunner

LENGTH = 40


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@task(cache_policy=NO_CACHE)
def fibo(n, before):
    return fib(n)


@flow
def tasks():
    before = 0
    for _ in range(LENGTH):
        before = fibo(10, before)
    return before


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def processes():
    before = 0
    for _ in range(LENGTH):
        before = fibo.submit(10, before)
    return before.result()


if __name__ == "__main__":
    chain = {"tasks": tasks, "processes": processes}[sys.argv[1]]
    assert chain() == 55
    begin = time.monotonic()
    assert chain() == 55
    print(time.monotonic() - begin)
