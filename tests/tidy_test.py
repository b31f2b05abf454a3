#!/usr/bin/env python3
"""Is the tree in order, and would we notice if it were not?   tidy_test.py [TREE]

Prints `file:line: rule: what` for each finding, and as its last line `N passed, M failed, 0 skipped`: one for each bad sample
that is found bad, one for the good sample, one for the tree itself.
"""
import pathlib
import sys
import tempfile

import tidy

GOOD = {
    "CMakeLists.txt": "sluice_module(base LIBS json)\nsluice_module(plan USES base)  # one step down\n"
                      "sluice_module(app USES base plan)\nsluice_program(sluice app)\n",
    "dev": "#!/usr/bin/env bash\necho hello\n",
    "src/base/README.md": "# base\n",
    "src/base/text.h": "#pragma once\n\nint size();\n",
    "src/base/text.cc": '#include "base/text.h"\n\n#include <nlohmann/json.hpp>\n\nint size() { return 1; }\n',
    "src/plan/README.md": "# plan\n",
    "src/plan/plan.h": '#pragma once\n\n#include "base/text.h"\n\n'
                       "struct Plan {\n  explicit Plan(int a) : a_{a}, b_{2} {}\n  int a_, b_;\n};\n",
    "src/plan/plan_test.cc": '#include "plan/plan.h"\n\n#include <gtest/gtest.h>\n\n'
                             "// std::cout and sleep(2) in a comment\n"
                             'TEST(Plan, ReadsASleep) { run("sleep(1) }{ /tmp/work/x"); }\n',
    "src/app/README.md": "# app\n",
    "src/app/main.cc": '#include <iostream>\n\n#include "plan/plan.h"\n\nint main() { std::cout << Plan(1).a_; }\n',
    "tests/e2e/run_test.py": "def test():\n    poll(time.sleep(0.1))  # tidy-allow(no-sleep): a dead process tells nobody\n",
}
LONG = "\n".join(f"  total += {i};" for i in range(69))
LONG_PYTHON = LONG.replace("  ", "    ").replace(";", "")
LEFTOVER = "// TO" "DO: more\n"
HOME = "/ho" "me/someone/data"

# rule -> what makes the good tree bad: file -> its new text (None: no such file).
BAD = [
    ("include-arrows", {"src/base/text.cc": '#include "base/text.h"\n#include "plan/plan.h"\n'}),
    ("include-arrows", {"src/plan/plan_test.cc": '#include "plan/gone.h"\n'}),
    ("include-arrows", {"src/plan/plan_test.cc": '#include "plan.h"\n'}),
    ("include-arrows", {"src/plan/plan_test.cc": "#include <base/text.h>\n"}),
    ("heavy-headers", {"src/base/text.h": "#pragma once\n#include <nlohmann/json.hpp>\n"}),
    ("heavy-headers", {"src/plan/plan.cc": "#include <yaml-cpp/yaml.h>\n"}),
    ("module-readme", {"src/plan/README.md": None}),
    ("dead-files", {"src/base/lonely.h": "#pragma once\n", "src/base/lonely.cc": '#include "base/lonely.h"\n'}),
    ("dead-files", {"src/old/README.md": "# old\n", "src/old/old.cc": "int old() { return 1; }\n"}),
    ("dead-files", {"src/base/deep/deep.cc": "int deep() { return 1; }\n"}),
    ("dead-files", {"src/plan/main.cc": "int main() { return 0; }\n"}),
    ("leftovers", {"src/base/text.cc": LEFTOVER}),
    ("leftovers", {"README.md": "This part is a st" "ub.\n"}),
    ("machine-paths", {"README.md": f"See {HOME}.\n"}),
    ("long-functions", {"src/base/text.cc": "int size() {\n" + LONG + "\n}\n"}),
    ("long-functions", {"src/plan/plan_test.cc": "TEST(Plan, IsLong) {\n" + LONG + "\n}\n"}),
    ("long-functions", {"src/plan/plan.h": GOOD["src/plan/plan.h"].replace("b_{2} {", "b_{2} {\n" + LONG + "\n")}),
    ("long-functions", {"tests/e2e/run_test.py": "def test():\n    total = 0\n" + LONG_PYTHON + "\n"}),
    ("long-files", {"src/base/text.cc": "// a line\n" * 501}),
    ("layout", {"src/base/text.cc": "int size();"}),
    ("layout", {"src/base/text.h": "int size();\n"}),
    ("layout", {"src/base/text.cc": "\tint a;\n"}),
    ("layout", {"dev": "# " + "long " * 30 + "\n"}),
    ("layout", {"src/base/text.cc": "int a; \n"}),
    ("quiet-modules", {"src/plan/plan.cc": "void tell() { std::cout << 1; }\n"}),
    ("quiet-modules", {"src/plan/plan.cc": 'void tell() { std::printf("1"); }\n'}),
    ("no-sleep", {"src/plan/plan_test.cc": "TEST(Plan, Waits) { std::this_thread::sleep_for(1s); }\n"}),
    ("no-sleep", {"tests/e2e/run_test.py": "time.sleep(1)  # tidy-allow(no-sleep):\n"}),
]


def findings_for(changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**GOOD, **changes}.items():
            if text is None:
                continue
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tidy.check(folder)[0]


def self_test():
    """The number of samples judged wrongly."""
    wrong = 0
    for finding in findings_for({}):
        print(f"self test: the good sample is found bad: {finding}")
        wrong = 1
    for rule, changes in BAD:
        found = {finding.rule for finding in findings_for(changes)}
        if found != {rule}:
            print(f"self test: {rule}: sample {sorted(changes)} gives {sorted(found) or 'nothing'}")
            wrong += 1
    return wrong


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    wrong = self_test()
    findings, tree = tidy.check(root)
    for warning in tidy.warnings(tree):
        print(f"{warning} (a warning)")
    for finding in findings:
        print(finding)
    failed = wrong + (1 if findings else 0)
    print(f"tidy: {len(tree.files)} files, {len(tidy.RULES)} rules, {len(findings)} findings")
    print(f"{len(BAD) + 2 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
