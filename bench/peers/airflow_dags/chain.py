"""The chain of 40 in Airflow."""
from airflow.sdk import dag, task

LENGTH = 40


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@task
def fibo(n, before):
    return fib(n)


@dag(schedule=None, catchup=False)
def chain():
    before = 0
    for _ in range(LENGTH):
        before = fibo(10, before)


chain = chain()
