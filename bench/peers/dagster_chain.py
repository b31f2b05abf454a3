"""The chain of 40 in Dagster: dagster_chain.py ops | processes. Prints the seconds of the last run.

ops: execute_in_process, nothing is kept. processes: the multiprocess executor (a job's default), a process a step; one run, as
nothing stays warm for a second.
"""
import sys
import time

from dagster import DagsterInstance, execute_job, job, multiprocess_executor, op, reconstructable

LENGTH = 40


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@op
def first() -> int:
    return fib(10)


@op
def fibo(before: int) -> int:
    return fib(10)


@job(executor_def=multiprocess_executor)
def chain():
    before = first()
    for number in range(1, LENGTH):
        before = fibo.alias(f"fibo_{number}")(before)


def ops():
    assert chain.execute_in_process().success


def processes():
    with execute_job(reconstructable(chain), instance=DagsterInstance.get()) as result:
        assert result.success


if __name__ == "__main__":
    run = {"ops": ops, "processes": processes}[sys.argv[1]]
    if run is ops:
        run()
    begin = time.monotonic()
    run()
    print(time.monotonic() - begin)
