"""Windmill's benchmark: 40 light Python tasks, each after the one before; chain40.yaml is this file compiled by kfp 2.17.0."""
from kfp import dsl

LENGTH = 40


@dsl.component(base_image="python:3.11")
def fibo(n: int, before: int = 0) -> int:
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    return fib(n)


@dsl.pipeline(name="chain40")
def chain(n: int = 10):
    before = fibo(n=n)
    for _ in range(LENGTH - 1):
        before = fibo(n=n, before=before.output)
