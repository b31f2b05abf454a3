// With a kfp of our own on PYTHONPATH: what is tested is what we do around it.
#include "app/python_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_world.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PythonFile : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("python3 -c 'pass' >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
    folder.write("lib/kfp/__init__.py", "");
    folder.write("lib/kfp/compiler.py",
                 "class Compiler:\n"
                 "    def compile(self, chosen, out):\n"
                 "        open(out, 'w').write('package of ' + chosen.pipeline_func())\n");
    folder.write("lib/kfp/dsl/base_component.py", "class BaseComponent: pass\n");
    folder.write("lib/kfp/dsl/graph_component.py",
                 "from .base_component import BaseComponent\n"
                 "class GraphComponent(BaseComponent):\n"
                 "    def __init__(self, f): self.pipeline_func = f\n");
    folder.write("lib/kfp/dsl/__init__.py",
                 "from .graph_component import GraphComponent\n"
                 "def pipeline(f): return GraphComponent(f)\n");
  }

  Result<std::string> compile(const std::string& content, const std::string& function = "") {
    return compile_python(folder.write("my pipeline.py", content), function, console, cancelled);
  }
  std::string mistake(const std::string& content, const std::string& function = "") {
    const auto compiled = compile(content, function);
    EXPECT_FALSE(compiled);
    if (compiled) return "";
    EXPECT_EQ(compiled.error().code, Code::kInvalid);
    return compiled.error().message;
  }

  ScratchFolder folder;
  ScopedVariable path{"PYTHONPATH", folder.path() + "/lib"};
  ScopedVariable environment{"VIRTUAL_ENV", std::nullopt};
  ScopedVariable temporary{"TMPDIR", folder.path()};
  Console console{true};
  std::atomic<bool> cancelled{false};
};

constexpr const char* kTwo =
    "from kfp import dsl\n"
    "@dsl.pipeline\ndef first(): return 'first'\n"
    "@dsl.pipeline\ndef second(): return 'second'\n";

TEST_F(PythonFile, TheOnlyPipelineIsCompiled) {
  const auto compiled = compile("from kfp import dsl\nimport beside\n@dsl.pipeline\ndef only(): return beside.NAME\n");
  EXPECT_FALSE(compiled) << "there is no such module yet";
  folder.write("beside.py", "NAME = 'the file beside'\n");
  EXPECT_EQ(*compile("from kfp import dsl\nimport beside\n@dsl.pipeline\ndef only(): return beside.NAME\n"),
            "package of the file beside");
}

TEST_F(PythonFile, OneOfSeveralIsNamed) {
  EXPECT_EQ(*compile(kTwo, "second"), "package of second");
  EXPECT_THAT(mistake(kTwo),
              AllOf(HasSubstr("my pipeline.py: several pipelines, name one: "), HasSubstr("my pipeline.py:first, ")));
  EXPECT_THAT(mistake(kTwo, "third"), HasSubstr("no pipeline 'third'; it has: first, second"));
  EXPECT_THAT(mistake("x = 1\n"), HasSubstr("my pipeline.py: no function with @dsl.pipeline"));
  EXPECT_THAT(mistake("x = 1\n", "x"), HasSubstr("no pipeline 'x'; it has: none"));
}

TEST_F(PythonFile, AnImportedPipelineIsNotTakenForTheFilesOwn) {
  folder.write("other.py", "from kfp import dsl\n@dsl.pipeline\ndef imported(): return 'imported'\n");
  EXPECT_EQ(*compile("from kfp import dsl\nfrom other import imported\n@dsl.pipeline\ndef own(): return 'own'\n"),
            "package of own");
}

TEST_F(PythonFile, ASyntaxErrorIsToldInPythonsWords) {
  EXPECT_THAT(mistake("def broken(:\n    pass\n"),
              AllOf(HasSubstr("my pipeline.py\", line 1"), HasSubstr("SyntaxError"), Not(HasSubstr("importlib"))));
}

TEST_F(PythonFile, ATracebackBeginsInTheUsersFile) {
  EXPECT_THAT(mistake("def inner():\n    raise ValueError('a clear word')\ninner()\n"),
              AllOf(HasSubstr("line 3, in <module>"), HasSubstr("line 2, in inner"), HasSubstr("ValueError: a clear word"),
                    Not(HasSubstr("<string>")), Not(HasSubstr("importlib"))));
  EXPECT_THAT(mistake("from kfp import dsl\n@dsl.pipeline\ndef p():\n    return undefined_name\n"),
              AllOf(HasSubstr("line 4, in p"), HasSubstr("undefined_name")))
      << "also while it is compiled";
}

TEST_F(PythonFile, AFileThatEndsPythonIsAMistakeToo) {
  EXPECT_FALSE(compile("import sys\nsys.exit(3)\n"));
  EXPECT_THAT(mistake("import sys\nsys.exit(0)\n"), HasSubstr("my pipeline.py"));
}

TEST_F(PythonFile, WhatTheFilePrintsIsNotInThePackage) {
  EXPECT_EQ(*compile("from kfp import dsl\nprint('hello')\n@dsl.pipeline\ndef only(): return 'only'\n"), "package of only");
}

TEST_F(PythonFile, AFileThatIsNotThereIsSaid) {
  const auto compiled = compile_python("nowhere.py", "", console, cancelled);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, Code::kInvalid);
  EXPECT_THAT(compiled.error().message, HasSubstr("nowhere.py: no such file"));
}

TEST_F(PythonFile, CancellingEndsPython) {
  cancelled = true;
  const auto compiled = compile("import signal\nsignal.pause()\n");
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, Code::kCancelled);
}

TEST_F(PythonFile, ThePythonOfAnActiveEnvironmentIsUsed) {
  folder.write("venv/bin/python", "#!/bin/sh\nfor last; do :; done\necho \"package of $(basename \"$4\")\" > \"$last\"\n");
  std::filesystem::permissions(folder.path() + "/venv/bin/python", std::filesystem::perms::owner_all);
  const ScopedVariable active("VIRTUAL_ENV", folder.path() + "/venv");
  EXPECT_EQ(*compile("", "chosen"), "package of chosen\n");
}

TEST_F(PythonFile, NothingTemporaryIsLeftBehind) {
  (void)compile(kTwo, "second").has_value();
  (void)compile(kTwo).has_value();
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("sluice-")));
}

}  // namespace
}  // namespace sluice
