"""Rules that keep the house in order. tidy_test.py runs them over the tree, and over bad samples to see that each rule bites.

A rule is a generator that yields findings for a Tree. To add one: write it, put it into RULES, add a bad sample to tidy_test.py.
A line can be excused with a reason: `tidy-allow(RULE): why`.
"""
import ast
import pathlib
import re
import typing

COLUMNS_MAX = 130
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FILE_LINES_GOOD = 400

# Headers that cost seconds to compile or that we want to be able to replace: one module each, and only in its .cc files.
HEAVY_HEADERS = {"nlohmann/": "base", "openssl/": "base or net", "yaml-cpp/": "spec", "sqlite3.h": "store", "CLI/": "app",
                 "toml++/": "app"}

CODE = {".cc", ".h", ".py", ".cmake", ".sh"}
TEXT = CODE | {".md", ".txt", ".json", ".yml", ".yaml", ".toml"}
SKIPPED_FOLDERS = {"build", "__pycache__", ".git", ".sluice", ".cache"}
NAMED_TEXT = {"dev", ".clang-format", ".clang-tidy", ".gitignore", "run"}


class Finding(typing.NamedTuple):
    file: str
    line: int
    rule: str
    what: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.rule}: {self.what}"


class File:
    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.suffix = path.suffix
        self.raw = path.read_bytes()
        self.text = self.raw.decode("utf-8", "replace")
        self.lines = self.text.splitlines()
        parts = self.name.split("/")
        self.module = parts[1] if parts[0] == "src" and len(parts) > 2 else None
        self.base = parts[-1]
        self.is_code = path.suffix in CODE or self.base in ("CMakeLists.txt", "dev", "run")
        self.is_cpp = path.suffix in (".cc", ".h")
        self.is_test = self.base.endswith("_test.cc") or parts[0] == "tests"

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match.group(1) == '"', match.group(2)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = [File(self.root, path) for path in sorted(self.root.rglob("*")) if self._wanted(path)]
        self.by_name = {file.name: file for file in self.files}
        self.modules, self.programs = self._declarations()

    def _wanted(self, path):
        folders = path.relative_to(self.root).parts[:-1]
        if not path.is_file() or path.is_symlink() or SKIPPED_FOLDERS & set(folders):
            return False
        return path.suffix in TEXT or path.name in NAMED_TEXT

    def _declarations(self):
        """What CMakeLists.txt says: module -> modules it may use, and the modules that have a main.cc."""
        cmake = self.by_name["CMakeLists.txt"].text if "CMakeLists.txt" in self.by_name else ""
        cmake = re.sub(r"#.*", "", cmake)
        modules = {}
        for words in re.findall(r"sluice_module\(([^)]*)\)", cmake):
            name, *rest = words.split()
            uses = rest[rest.index("USES") + 1:] if "USES" in rest else []
            modules[name] = set(uses[:uses.index("LIBS")] if "LIBS" in uses else uses)
        programs = {words.split()[1] for words in re.findall(r"sluice_program\(([^)]*)\)", cmake)}
        return modules, programs

    def cpp(self):
        return [file for file in self.files if file.is_cpp]


def include_arrows(tree):
    """src/X includes headers of X and of the modules that X declares with USES."""
    for file in tree.cpp():
        for line, quoted, target in file.includes():
            owner = target.split("/")[0]
            if not quoted:
                if owner in tree.modules:
                    yield Finding(file.name, line, "include-arrows", f'<{target}> is ours: write "{target}"')
                continue
            if not file.module and str(pathlib.PurePath(file.name).parent / target) in tree.by_name:
                continue  # bench/support.h: a neighbour
            if "/" not in target or f"src/{target}" not in tree.by_name:
                yield Finding(file.name, line, "include-arrows", f'there is no src/{target}; includes read "module/file.h"')
            elif file.module and owner not in {file.module} | tree.modules.get(file.module, set()):
                yield Finding(file.name, line, "include-arrows", f"{file.module} does not use {owner}; see CMakeLists.txt")


def heavy_headers(tree):
    for file in tree.cpp():
        for line, _, target in file.includes():
            for prefix, owner in HEAVY_HEADERS.items():
                if target.startswith(prefix) and (file.suffix == ".h" or file.module not in owner.split(" or ")):
                    yield Finding(file.name, line, "heavy-headers", f"<{target}> belongs into a .cc file of {owner}")


def module_readmes(tree):
    for module in sorted({file.module for file in tree.files if file.module} | set(tree.modules)):
        if f"src/{module}/README.md" not in tree.by_name:
            yield Finding(f"src/{module}", 0, "module-readme", "a module has a README.md of about ten lines")


def dead_files(tree):
    included = {}
    for file in tree.cpp():
        for _, quoted, target in file.includes():
            if quoted:
                included.setdefault(f"src/{target}", set()).add(file.name)
    for file in tree.cpp():
        if not file.module:
            continue
        if file.module not in tree.modules or file.name.count("/") != 2:
            yield Finding(file.name, 0, "dead-files", "no target builds this: modules are src/NAME, declared in CMakeLists.txt")
        elif file.base == "main.cc" and file.module not in tree.programs:
            yield Finding(file.name, 0, "dead-files", f"no sluice_program() is made from {file.module}")
        elif file.suffix == ".h":
            stem = file.name[:-2]
            if not included.get(file.name, set()) - {stem + ".cc", stem + "_test.cc", stem + "_fuzz.cc"}:
                yield Finding(file.name, 0, "dead-files", "nobody but its own .cc includes this header")


def leftovers(tree):
    words = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "(?i:st" "ub(?:s|bed)?)")) + r")\b")
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            match = words.search(line)
            if match:
                yield Finding(file.name, number, "leftovers", f"'{match.group(1)}' is a promise: keep it or drop it")


def machine_paths(tree):
    """An absolute path of somebody's machine; `x/work/y` and `$DIR/work/y` are fine."""
    path = re.compile(r"(?<![\w.$})\]/*-])/(?:ho" r"me|ro" r"ot|wo" r"rk)/")
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            if path.search(line):
                yield Finding(file.name, number, "machine-paths", "an absolute path of one machine")


def blank_out(text):
    """C++ with comments, texts and preprocessor lines blanked, so that braces are braces. Lines stay where they are."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.[^\'\n]*|[^\'\\\n])\''
        r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.DOTALL | re.MULTILINE)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


CONTAINER = re.compile(r"(?:inline\s+|static\s+|typedef\s+|constexpr\s+)*(?:class|struct|union|enum|namespace|extern)\b")
TEMPLATE = re.compile(r"template\s*<[^<>]*(?:<[^<>]*>[^<>]*)*>\s*|\[\[[^\]]*\]\]\s*|(?:public|private|protected)\s*:\s*")


def functions(text):
    """(first line, last line, name) of each function body at namespace or class level; lambdas count with what holds them."""
    code = blank_out(text)
    stack, start, first = [], 0, None  # stack of "container" | "body" | "other"
    for at, char in enumerate(code):
        if char == "{":
            head = TEMPLATE.sub("", code[start:at]).strip()
            if "body" in stack or (stack and stack[-1] == "other"):
                stack.append("other" if stack[-1] == "other" else "body")
            elif CONTAINER.match(head):
                stack.append("container")
            elif ")" in head or (first is not None and (not head or head.startswith(","))):
                # `Foo(int a) : a_{a}, b_{2} {`: the braces of initializers come first, the body last, all from one first line.
                if ")" in head:
                    first = code.count("\n", 0, start + len(code[start:at]) - len(code[start:at].lstrip())) + 1
                    name = " ".join(head.split())
                stack.append("body")
            else:
                stack.append("other")
            start = at + 1
        elif char == "}":
            if stack and stack.pop() == "body" and "body" not in stack:
                yield first, code.count("\n", 0, at) + 1, name
            start = at + 1
        elif char == ";":
            start = at + 1
            if "body" not in stack:
                first = None


def long_functions(tree):
    for file in tree.files:
        spans = []
        if file.is_cpp:
            spans = functions(file.text)
        elif file.suffix == ".py":
            nodes = ast.walk(ast.parse(file.text))
            spans = [(node.lineno, node.end_lineno, node.name) for node in nodes if isinstance(node, ast.FunctionDef)]
        for first, last, name in spans:
            if last - first + 1 > FUNCTION_LINES_MAX:
                what = f"{last - first + 1} lines (at most {FUNCTION_LINES_MAX}): {name[:60]}"
                yield Finding(file.name, first, "long-functions", what)


def long_files(tree):
    for file in tree.files:
        if file.is_code and len(file.lines) > FILE_LINES_MAX:
            yield Finding(file.name, len(file.lines), "long-files", f"{len(file.lines)} lines (at most {FILE_LINES_MAX})")


def layout(tree):
    for file in tree.files:
        if file.raw and not file.raw.endswith(b"\n"):
            yield Finding(file.name, len(file.lines), "layout", "no newline at the end of the file")
        if file.suffix == ".h" and "#pragma once" not in file.lines:
            yield Finding(file.name, 1, "layout", "a header has #pragma once")
        if not file.is_code:
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS_MAX:
                yield Finding(file.name, number, "layout", f"{len(line)} columns (at most {COLUMNS_MAX})")
            if "\t" in line:
                yield Finding(file.name, number, "layout", "a tab")
            if line != line.rstrip():
                yield Finding(file.name, number, "layout", "blanks at the end of the line")


def quiet_modules(tree):
    """Only app talks to the terminal."""
    talk = re.compile(r"\bstd::cout\b|\bprintf\s*\(|\bputs\s*\(")
    for file in tree.cpp():
        if not file.module or file.module == "app" or file.is_test:
            continue
        for number, line in enumerate(blank_out(file.text).split("\n"), 1):
            if talk.search(line):
                yield Finding(file.name, number, "quiet-modules", "only app writes to standard output")


def no_sleep(tree):
    nap = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
    for file in tree.files:
        if not file.is_test or not (file.is_cpp or file.suffix == ".py") or file.base == "tidy_test.py":
            continue
        text = blank_out(file.text) if file.is_cpp else file.text
        for number, line in enumerate(text.split("\n"), 1):
            if nap.search(line):
                yield Finding(file.name, number, "no-sleep", "tests wait for an event, never for time")


RULES = [include_arrows, heavy_headers, module_readmes, dead_files, leftovers, machine_paths, long_functions, long_files, layout,
         quiet_modules, no_sleep]


def check(root):
    tree = Tree(root)

    def excused(finding):
        file = tree.by_name.get(finding.file)
        line = file.lines[finding.line - 1] if file and 0 < finding.line <= len(file.lines) else ""
        return re.search(rf"tidy-allow\({finding.rule}\): \w", line) is not None

    return [finding for rule in RULES for finding in rule(tree) if not excused(finding)], tree


def warnings(tree):
    what = f"lines; above {FILE_LINES_GOOD} think of two files"
    return [Finding(file.name, len(file.lines), "long-files", f"{len(file.lines)} {what}")
            for file in tree.files if file.is_code and FILE_LINES_GOOD < len(file.lines) <= FILE_LINES_MAX]
