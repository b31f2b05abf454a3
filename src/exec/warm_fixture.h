// An environment for tests: the interpreter of this machine, and a kfp that has of the stock executor what a worker needs.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "exec/environment.h"
#include "exec/supervisor_fixture.h"

namespace sluice {

inline constexpr const char* kFakeDsl = R"(
class Dataset: pass
class Output:
    def __class_getitem__(cls, item): return item
)";
inline constexpr const char* kFakeMain = R"(
import argparse, json, os, sys
from kfp.dsl import executor, kfp_config, utils
def executor_main():
    parser = argparse.ArgumentParser()
    for name in ("component_module_path", "function_to_execute", "executor_input"): parser.add_argument("--" + name)
    args, _ = parser.parse_known_args()
    module = utils.load_module(args.component_module_path)
    given = json.loads(args.executor_input)["inputs"]["parameterValues"]
    if args.function_to_execute == "dummy": given["out"] = None
    getattr(module, args.function_to_execute)(**given)
if __name__ == '__main__':
    executor_main()
)";
inline constexpr const char* kFakeUtils = R"(
import importlib.util, os, sys
def load_module(path):
    spec = importlib.util.spec_from_file_location("ephemeral_component", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["ephemeral_component"] = module
    spec.loader.exec_module(module)
    return module
)";

class WarmTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    const auto found = find_interpreter("");
    if (!found) GTEST_SKIP() << found.error().message;
    environment_ = make_environment("environment", found->interpreter);
    launch();
  }

  std::string make_environment(const std::string& name, const Interpreter& interpreter) {
    namespace fs = std::filesystem;
    const fs::path folder = fs::path(data_) / name;
    fs::create_directories(folder / "bin");
    fs::create_symlink(interpreter.path, folder / "bin/python3");
    write(folder / "pyvenv.cfg", "home = " + fs::path(interpreter.path).parent_path().string() + "\n");
    const std::string version = interpreter.version.substr(0, interpreter.version.rfind('.'));
    const fs::path packages = folder / "lib" / ("python" + version) / "site-packages";
    fs::create_directories(packages / "kfp/dsl");
    write(packages / "kfp/__init__.py", "");
    write(packages / "kfp/dsl/__init__.py", kFakeDsl);
    write(packages / "kfp/dsl/executor.py", "");
    write(packages / "kfp/dsl/kfp_config.py", "");
    write(packages / "kfp/dsl/utils.py", kFakeUtils);
    write(packages / "kfp/dsl/executor_main.py", kFakeMain);
    packages_ = packages;
    return folder;
  }

  static void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

  // A step whose function has this body. What it would run cold says that it does.
  AttemptSpec step(const std::string& body) {
    AttemptSpec spec = shell("echo cold");
    std::string source = "\nimport os, sys, time\ndef hello():\n";
    for (std::size_t at = 0; at < body.size();) {
      const auto end = std::min(body.find('\n', at), body.size());
      source += "    " + body.substr(at, end - at) + "\n";
      at = end + 1;
    }
    spec.warm =
        WarmStep{.environment = environment_,
                 .source = source,
                 .args = {"--executor_input", R"({"inputs": {"parameterValues": {}}})", "--function_to_execute", "hello"}};
    return spec;
  }

  std::string environment_;
  std::filesystem::path packages_;
};

}  // namespace sluice
