"""A chain of python_step's step under kfp.local: kfp_local.py STEPS. Prints the seconds that one step took, in the mean.

SubprocessRunner(use_venv=False): the packages are in this environment, so that its `pip install` finds nothing to do. A first run
of one step compiles what is not compiled.
"""
import pathlib
import sys
import time

from kfp import dsl, local

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "pipelines"))
from python_step import step  # noqa: E402  (the path above)


def chain_of(length):
    @dsl.pipeline(name="python-step")
    def chain() -> str:
        before = step()
        for _ in range(length - 1):
            before = step(before=before.output)
        return before.output
    return chain


def main(length):
    local.init(runner=local.SubprocessRunner(use_venv=False))
    assert chain_of(1)().output
    chain = chain_of(length)
    begin = time.monotonic()
    assert chain().output
    print((time.monotonic() - begin) / length)


main(int(sys.argv[1]))
