#include "exec/interpreter.h"

#include <gmock/gmock.h>

#include "exec/interpreter_cache.h"
#include "exec/test_folder.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// A shell script that answers the question as that Python would.
std::string says(const std::string& path, const std::string& version) {
  return "#!/bin/sh\necho " + path + "\necho " + version + "\n";
}

// Nothing but what a test puts there: PATH is bin/, HOME, cache and pyenv are in the folder.
class InterpreterTest : public testing::Test {
 protected:
  std::string bin() const { return folder_.path() + "/bin"; }
  TestFolder folder_;
  ScopedVariable path_{"PATH", bin()};
  ScopedVariable home_{"HOME", folder_.path()};
  ScopedVariable cache_{"XDG_CACHE_HOME", folder_.path() + "/cache"};
  ScopedVariable pyenv_root_{"PYENV_ROOT", std::nullopt};
  ScopedVariable uv_pythons_{"UV_PYTHON_INSTALL_DIR", std::nullopt};
  ScopedVariable data_{"XDG_DATA_HOME", std::nullopt};
};

TEST_F(InterpreterTest, AShimIsSeenThrough) {
  folder_.write_script("bin/python3.10", says("/opt/real/bin/python3.10", "3.10.4"));
  const auto found = find_interpreter("3.10");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->interpreter.path, "/opt/real/bin/python3.10");
  EXPECT_EQ(found->interpreter.version, "3.10.4");
  EXPECT_TRUE(found->exact);
}

TEST_F(InterpreterTest, AShimThatRefusesIsSkippedForTheNextPython) {
  folder_.write_script("bin/python3.10", "#!/bin/sh\necho 'pyenv: python3.10: command not found' >&2\nexit 127\n");
  folder_.write_script("bin/python3", says("/usr/bin/python3.11", "3.11.2"));
  const auto found = find_interpreter("3.10");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->interpreter.version, "3.11.2");
  EXPECT_FALSE(found->exact);
  const auto any = find_interpreter("");
  ASSERT_TRUE(any);
  EXPECT_TRUE(any->exact);
}

TEST_F(InterpreterTest, TheNewestPatchThatPyenvKeepsIsFoundWithoutBeingOnThePath) {
  folder_.write_script("bin/python3", says("/usr/bin/python3.11", "3.11.2"));
  folder_.write_script(".pyenv/versions/3.10.4/bin/python3.10", says("/p/3.10.4/python3.10", "3.10.4"));
  folder_.write_script(".pyenv/versions/3.10.13/bin/python3.10", says("/p/3.10.13/python3.10", "3.10.13"));
  folder_.write_script(".pyenv/versions/3.1.9/bin/python3.1", says("/p/3.1.9/python3.1", "3.1.9"));
  EXPECT_EQ(find_interpreter("3.10").value_or(FoundInterpreter{}).interpreter.version, "3.10.13");
  EXPECT_EQ(find_interpreter("3.1").value_or(FoundInterpreter{}).interpreter.version, "3.1.9");
  EXPECT_EQ(find_interpreter("3.10.4").value_or(FoundInterpreter{}).interpreter.path, "/p/3.10.4/python3.10");
}

TEST_F(InterpreterTest, NoPythonAtAllSaysWhatToInstall) {
  std::filesystem::create_directory(bin());
  const auto found = find_interpreter("3.12");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kUnavailable);
  EXPECT_THAT(found.error().hint, HasSubstr("python3-venv"));
}

TEST_F(InterpreterTest, PythonTwoIsNoPython) {
  folder_.write_script("bin/python", "#!/bin/sh\necho 'Unknown option: -I' >&2\nexit 2\n");
  EXPECT_EQ(find_interpreter("").error().code, Code::kUnavailable);
}

TEST(Interpreter, TheRealOneIsFoundThroughAScriptAndAVirtualEnvironment) {
  const auto plain = find_interpreter("");
  if (!plain) GTEST_SKIP() << plain.error().message;
  const TestFolder folder;
  const std::atomic<bool> never{false};
  const std::string script = folder.write_script("python3", "#!/bin/sh\nexec " + plain->interpreter.path + " \"$@\"\n");
  const auto through = probe_interpreter(script, never);
  ASSERT_TRUE(through) << through.error().message;
  EXPECT_EQ(through->path, plain->interpreter.path);
  // What makes a virtual environment one: a link to the interpreter beside a pyvenv.cfg.
  const auto home = std::filesystem::path(plain->interpreter.path).parent_path().string();
  folder.write("venv/pyvenv.cfg", "home = " + home + "\n");
  std::filesystem::create_directories(folder.path() + "/venv/bin");
  std::filesystem::create_symlink(plain->interpreter.path, folder.path() + "/venv/bin/python3");
  const auto in_venv = probe_interpreter(folder.path() + "/venv/bin/python3", never);
  ASSERT_TRUE(in_venv) << in_venv.error().message;
  EXPECT_EQ(in_venv->path, plain->interpreter.path);
}

TEST_F(InterpreterTest, PythonAndPython3AreBothTheInterpreterThatWasFound) {
  const auto folder = interpreter_folder({.path = "/opt/python3.9", .version = "3.9.2"});
  ASSERT_TRUE(folder) << folder.error().message;
  for (const char* name : {"/python", "/python3"}) EXPECT_EQ(std::filesystem::read_symlink(*folder + name), "/opt/python3.9");
  EXPECT_EQ(interpreter_folder({.path = "/opt/python3.9", .version = "3.9.2"}).value(), *folder);
  EXPECT_NE(interpreter_folder({.path = "/opt/python3.10", .version = "3.10.1"}).value(), *folder);
}

TEST(VersionMatches, ComparesWholeNumbers) {
  EXPECT_TRUE(version_matches("3.11.7", "3.11"));
  EXPECT_TRUE(version_matches("3.11.7", "3"));
  EXPECT_TRUE(version_matches("3.11.7", ""));
  EXPECT_FALSE(version_matches("3.11.7", "3.1"));
  EXPECT_FALSE(version_matches("3.11", "3.11.7"));
}

TEST_F(InterpreterTest, AnAnswerIsRememberedUntilTheInterpreterChanges) {
  const std::string python = folder_.write_script("bin/python3.9",
                                                  "\x7f"
                                                  "ELF first");
  InterpreterCache cache(folder_.path() + "/interpreters.json");
  EXPECT_FALSE(cache.find(python));
  cache.remember(python, {.path = python, .version = "3.9.1"});
  ASSERT_TRUE(InterpreterCache(folder_.path() + "/interpreters.json").find(python));
  EXPECT_EQ(cache.find(python)->version, "3.9.1");
  folder_.write("bin/python3.9",
                "\x7f"
                "ELF another one");
  EXPECT_FALSE(cache.find(python));
}

TEST_F(InterpreterTest, AnAnswerOfAPyenvShimIsForgottenWhenAnotherVersionIsChosen) {
  const std::string real = folder_.write("real/python3.9", "real");
  const std::string shim = folder_.write_script(".pyenv/shims/python3", "#!/bin/sh\n");
  InterpreterCache cache(folder_.path() + "/interpreters.json");
  cache.remember(shim, {.path = real, .version = "3.9.1"});
  EXPECT_TRUE(cache.find(shim));
  folder_.write(".pyenv/version", "3.12.1\n");
  EXPECT_FALSE(cache.find(shim));
  // That it has none for us is worth remembering, too: a shim takes 100 ms to say so.
  cache.remember(shim, {});
  ASSERT_TRUE(cache.find(shim));
  EXPECT_EQ(cache.find(shim)->path, "");
}

TEST_F(InterpreterTest, OtherScriptsAndDamagedCachesAreNotTrusted) {
  const std::string script = folder_.write_script("bin/python3", says("/x", "3.9.1"));
  InterpreterCache cache(folder_.write("interpreters.json", "{ broken"));
  cache.remember(script, {.path = script, .version = "3.9.1"});
  EXPECT_FALSE(cache.find(script));
}

}  // namespace
}  // namespace sluice
