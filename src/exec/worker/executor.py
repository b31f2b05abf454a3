"""The stock executor, run and ended as `python3 -m kfp.dsl.executor_main` would be."""
import builtins
import json
import os
import runpy
import shutil
import signal
import sys
import tempfile
import types

# What the SDK writes before every component, and a component that goes through the stock executor once.
DUMMY = """
import kfp
from kfp import dsl
from kfp.dsl import *
from typing import *

def dummy(text: str, out: Output[Dataset]) -> str:
    return text
"""
DUMMY_INPUT = {
    "inputs": {"parameterValues": {"text": "x"}},
    "outputs": {
        "parameters": {"Output": {"outputFile": "%/Output"}},
        "artifacts": {"out": {"artifacts": [
            {"name": "out", "uri": "%/out", "metadata": {}, "type": {"schemaTitle": "system.Dataset"}}]}},
        "outputFile": "%/executor_output.json",
    },
}


def run_main(arguments):
    """What `python3 -m kfp.dsl.executor_main ARGUMENTS` runs. Returns the exit code, or -N to die by signal N."""
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    sys.argv = ["-m", *arguments]
    try:
        runpy._run_module_as_main("kfp.dsl.executor_main", alter_argv=True)
        return 0
    except SystemExit as error:
        return exit_code_of(error)
    except BaseException as error:
        return report(error)


def exit_code_of(error):
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    flush(sys.stdout)
    try:
        print(code, file=sys.stderr)
        flush(sys.stderr)
    except BaseException:
        pass
    return 1


def report(error):
    """As the interpreter does for an exception that nobody has caught, without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    flush(sys.stdout)
    try:
        sys.excepthook(type(error), error, trace)
    except SystemExit as wanted:
        return exit_code_of(wanted)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        sys.__excepthook__(type(second), second, second.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, trace)
    flush(sys.stderr)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def flush(file):
    try:
        file.flush()
        return True
    except BaseException:
        return file is None


def rehearse():
    """One run of a component that does nothing: the imports, caches and pages of a run are then there."""
    folder = tempfile.mkdtemp(prefix="sluice-rehearsal-")
    path, argv, main = list(sys.path), sys.argv, sys.modules["__main__"]
    logging = sys.modules["logging"]
    level, handlers = logging.root.level, list(logging.root.handlers)
    try:
        program = os.path.join(folder, "ephemeral_component.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(DUMMY)
        given = json.dumps(DUMMY_INPUT).replace("%", folder)
        code = run_main(["--component_module_path", program, "--executor_input", given, "--function_to_execute", "dummy"])
        if code != 0:
            raise RuntimeError(f"the stock executor ends with code {code}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sys.path[:], sys.argv, sys.modules["__main__"] = path, argv, main
        sys.modules.pop("ephemeral_component", None)
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, name):
                delattr(sys, name)
        for handler in list(logging.root.handlers):
            if handler not in handlers:
                logging.root.removeHandler(handler)
                handler.close()
        logging.root.setLevel(level)
        sys.path_importer_cache.pop(folder, None)
        sys.modules.get("linecache", types.SimpleNamespace(clearcache=int)).clearcache()
