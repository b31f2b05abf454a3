#!/usr/bin/env python3
"""Adds up what test programs said of themselves.   summary.py RESULTS.xml...   (JUnit files of ctest)

ctest counts programs; a person wants to know of tests. Each program's own last words are read: GoogleTest's, unittest's, or
`N passed, M failed, K skipped`. A program without any counts as one test; one that failed without naming a failed test (a
crash, a time-out) adds one failure. Names what failed and prints the sum as the last line; exit status 0 only if nothing failed.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def last_number(pattern, text):
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def count(output):
    """(passed, failed, skipped), or nothing if the program does not tell."""
    if re.search(r"^\[==========\] .* ran\.", output, re.MULTILINE):
        return tuple(last_number(rf"^\[  {word} *\] (\d+) tests?", output) for word in ("PASSED", "FAILED", "SKIPPED"))
    own = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped", output, re.MULTILINE)
    if own:
        return tuple(int(number) for number in own[-1])
    if re.search(r"^Ran \d+ tests? in", output, re.MULTILINE):
        ran = last_number(r"^Ran (\d+) tests? in", output)
        verdict = re.findall(r"^(?:OK|FAILED)(?: \(.*\))?$", output, re.MULTILINE)[-1:] or [""]
        failed = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", verdict[0]))
        skipped = last_number(r"skipped=(\d+)", verdict[0])
        return ran - failed - skipped, failed, skipped
    return None


def judge(case):
    """(passed, failed, skipped) of one program."""
    bad = case.get("status") not in ("run", "disabled")
    alone = (0, 0, 1) if case.get("status") == "disabled" else (int(not bad), int(bad), 0)
    passed, failed, skipped = count(case.findtext("system-out") or "") or alone
    return passed, max(failed, int(bad)), skipped


def main():
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        try:
            cases = list(ElementTree.parse(path).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"{path}: {error}")
            total[1] += 1
            continue
        for case in cases:
            passed, failed, skipped = judge(case)
            if failed:
                print(f"{path}: {case.get('name')}: {failed} failed")
            total = [total[0] + passed, total[1] + failed, total[2] + skipped]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
