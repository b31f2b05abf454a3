"""A chain of steps with pandas and scikit-learn, as a person writes them; python_step.yaml is this file compiled by kfp 2.17.0.

Each step looks at the clocks in its first line and at one in its last, and gives away what it saw: the monotonic clock and the
time of day in its first line, the monotonic clock in its last, and its interpreter. In between it takes `work` seconds.
"""
from kfp import dsl

LENGTH = 40


@dsl.component(base_image="python:3.11", packages_to_install=["pandas", "scikit-learn"])
def step(before: str = "", work: float = 0.0) -> str:
    import time
    first, time_of_day = time.clock_gettime(time.CLOCK_MONOTONIC), time.time()
    import sys
    import pandas
    import sklearn.linear_model
    assert pandas.Series([1, 2]).sum() == 3 and sklearn.linear_model.Ridge().alpha == 1.0
    time.sleep(work)
    return f"{first:.6f} {time_of_day:.6f} {time.clock_gettime(time.CLOCK_MONOTONIC):.6f} {sys.executable}"


@dsl.pipeline(name="python-step")
def chain(work: float = 0.0):
    before = step(work=work)
    for _ in range(LENGTH - 1):
        before = step(before=before.output, work=work)
