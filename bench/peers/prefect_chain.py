"""The chain of 40 in Prefect: prefect_chain.py tasks | processes. Prints the seconds.

tasks: tasks are called, in the flow's own process; the second run of two, as the first has started the server that Prefect starts
for a flow that was given none. processes: they are submitted to a pool of one process, which has run a task before.
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
def chain():
    before = 0
    for _ in range(LENGTH):
        before = fibo(10, before)
    return before


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def pooled_chain():
    before = fibo.submit(10, 0).result()
    begin = time.monotonic()
    for _ in range(LENGTH):
        before = fibo.submit(10, before)
    assert before.result() == 55
    return time.monotonic() - begin


def tasks():
    assert chain() == 55
    begin = time.monotonic()
    assert chain() == 55
    return time.monotonic() - begin


if __name__ == "__main__":
    print({"tasks": tasks, "processes": pooled_chain}[sys.argv[1]]())
