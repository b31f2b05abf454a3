"""What fork and exit cost an interpreter that has pandas and scikit-learn loaded: a chain of N, each forked when the one before
is gone. Prints one JSON line: milliseconds of each, and the resident MiB. The children do nothing: a step costs more.
"""
import gc
import json
import os
import sys
import time

import pandas  # noqa: F401  (loaded, not used)
import sklearn.linear_model  # noqa: F401


def main(length):
    gc.collect()
    gc.freeze()
    found = []
    for _ in range(length):
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        found.append((time.monotonic() - begin) * 1e3)
    with open("/proc/self/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    print(json.dumps({"milliseconds": found, "resident_mib": resident}))


main(int(sys.argv[1]))
