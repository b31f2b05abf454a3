// Steps in forks of a real worker: they are what a process of their own would be, and end as one.
#include <csignal>

#include "exec/processes.h"
#include "exec/warm_fixture.h"

namespace sluice {
namespace {

TEST_F(WarmTest, AStepRunsInAForkOfAWorker) {
  const AttemptSpec first = step("print('hello', os.getppid())");
  const AttemptExit exit = run(first);
  EXPECT_EQ(exit.exit_code, 0) << output_of(first, Stream::kStderr);
  EXPECT_EQ(exit.process, "warm");
  EXPECT_TRUE(output_of(first).starts_with("hello ")) << output_of(first);
  const AttemptSpec second = step("print('hello', os.getppid())");
  run(second);
  EXPECT_EQ(output_of(second), output_of(first)) << "both have the same parent";
}

TEST_F(WarmTest, ItsPlaceIsItsOwn) {
  AttemptSpec spec = step(
      "print(os.environ['SLUICE_ATTEMPT'], os.environ['MY_X'], 'SLUICE_WORKER' in os.environ)\n"
      "print(open('/proc/self/environ', 'rb').read().split(b'\\0')[0].decode())\n"
      "print(os.getcwd() == sys.path[1 if 'tmp.' in sys.path[0] else 0], os.getsid(0) == os.getpid() == os.getpgid(0))\n"
      "print(repr(sys.stdin.read()), sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:3], sys.argv[1])\n"
      "print(__name__, sys.modules['__main__'].__spec__.name, 'kfp.dsl.executor_main' in sys.modules, sys.flags.safe_path if "
      "sys.version_info >= (3, 11) else False)");
  spec.env = {{"MY_X", "1"}};
  const AttemptExit exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0) << output_of(spec, Stream::kStderr);
  EXPECT_EQ(output_of(spec), spec.id + " 1 False\nSLUICE_ATTEMPT=" + spec.id + "\nTrue True\n'' [0, 1, 2] " +
                                 "--component_module_path\nephemeral_component kfp.dsl.executor_main False False\n");
}

TEST_F(WarmTest, ItsEndIsThatOfAProcess) {
  const AttemptSpec raises = step("raise ValueError('boom')");
  EXPECT_EQ(run(raises).exit_code, 1);
  const std::string trace = output_of(raises, Stream::kStderr);
  EXPECT_TRUE(trace.ends_with("ValueError: boom\n")) << trace;
  EXPECT_TRUE(trace.starts_with("Traceback (most recent call last):\n")) << trace;
  EXPECT_EQ(trace.find("sluice worker"), std::string::npos) << trace;
  EXPECT_EQ(run(step("sys.exit(3)")).exit_code, 3);
  EXPECT_EQ(run(step("os._exit(4)")).exit_code, 4);
  const AttemptSpec speaks = step("sys.exit('no such thing')");
  EXPECT_EQ(run(speaks).exit_code, 1);
  EXPECT_EQ(output_of(speaks, Stream::kStderr), "no such thing\n");
  const AttemptSpec dies = step("os.kill(os.getpid(), 11)");
  const AttemptExit died = run(dies);
  EXPECT_EQ(died.signal, SIGSEGV);
  EXPECT_EQ(died.exit_code, 128 + SIGSEGV);
  EXPECT_FALSE(died.lost);
  EXPECT_TRUE(output_of(dies, Stream::kStderr).starts_with("Segmentation fault")) << output_of(dies, Stream::kStderr);
}

TEST_F(WarmTest, WhatItDoesToItselfIsNothingToTheNext) {
  const AttemptSpec wild = step(
      "import random, signal, tempfile, threading\n"
      "os.environ['LEAK'] = '1'\nos.chdir('/')\nos.umask(0o077)\nrandom.seed(1)\nsys.path.append('/leak')\n"
      "sys.modules['leak'] = sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nthreading.leak = 1\n"
      "threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\nos.closerange(3, 4096)");
  EXPECT_EQ(run(wild).exit_code, 0) << output_of(wild, Stream::kStderr);
  const AttemptSpec next = step(
      "import random, signal, threading\n"
      "print('LEAK' in os.environ, '/leak' in sys.path, 'leak' in sys.modules, hasattr(threading, 'leak'), os.umask(0o22),\n"
      "      signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, threading.active_count(), random.random())");
  EXPECT_EQ(run(next).exit_code, 0) << output_of(next, Stream::kStderr);
  const std::string state = "False False False False 18 True 1 ";
  EXPECT_EQ(output_of(next).substr(0, state.size()), state);
  const AttemptSpec again = step("import random\nprint('" + state + "' + str(random.random()))");
  run(again);
  EXPECT_NE(output_of(again), output_of(next)) << "two steps draw the same random numbers";
}

TEST_F(WarmTest, WhatIsLeftOpenIsWritten) {
  const AttemptSpec spec = step(
      "import atexit\nglobal keep\nkeep = open('kept', 'w')\nkeep.write('kept')\n"
      "class Late:\n    def __del__(self): os.write(1, b'late ')\nglobal late\nlate = Late()\n"
      "atexit.register(lambda: os.write(1, b'atexit '))");
  EXPECT_EQ(run(spec).exit_code, 0) << output_of(spec, Stream::kStderr);
  EXPECT_EQ(read_file(spec.directory + "/kept"), "kept");
  EXPECT_EQ(output_of(spec), "atexit late ");
}

TEST_F(WarmTest, AChildThatItLeavesRunningIsGoneWithItsExit) {
  const AttemptSpec spec = step(
      "import subprocess\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
      "open('child', 'w').write(str(child.pid))");
  EXPECT_EQ(run(spec).exit_code, 0) << output_of(spec, Stream::kStderr);
  EXPECT_NE(::kill(read_pid(spec, "child"), 0), 0);
}

TEST_F(WarmTest, StopIsSigtermAndThenSigkill) {
  const AttemptSpec plain = step("open('began', 'w').close()\ntime.sleep(1000)");
  start(plain);
  wait_file(plain, "began");
  ASSERT_TRUE(supervisor_->stop(plain.id, std::chrono::hours(1)));
  EXPECT_EQ(wait_exit(plain).signal, SIGTERM);
  const AttemptSpec deaf =
      step("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('began', 'w').close()\ntime.sleep(1000)");
  start(deaf);
  wait_file(deaf, "began");
  ASSERT_TRUE(supervisor_->stop(deaf.id, std::chrono::milliseconds(20)));
  EXPECT_EQ(wait_exit(deaf).signal, SIGKILL);
  EXPECT_FALSE(exits_[deaf.id].lost);
}

TEST_F(WarmTest, WithItsWorkerAStepIsLostAndTheNextOneHasAnother) {
  const AttemptSpec spec = step("os.kill(os.getppid(), 9)\ntime.sleep(1000)");
  const AttemptExit exit = run(spec);
  EXPECT_TRUE(exit.lost);
  EXPECT_EQ(exit.signal, SIGKILL);
  const AttemptSpec next = step("print('fine')");
  EXPECT_EQ(run(next).process, "warm");
  EXPECT_EQ(output_of(next), "fine\n");
}

TEST_F(WarmTest, WhateverItSaysOnOurSocketItEndsAsItEnds) {
  const AttemptSpec spec = step(
      "import socket, stat\n"
      "for fd in range(3, 64):\n"
      "    try: mode = os.fstat(fd).st_mode\n"
      "    except OSError: continue\n"
      "    if stat.S_ISSOCK(mode):\n"
      "        for text in (b'', b'x', b'done', b'done\\0999\\0001\\0001', b'modules\\0\\0..\\0' + b'y' * 70000):\n"
      "            try: os.write(fd, text)\n"
      "            except OSError: pass\n"
      "sys.exit(7)");
  EXPECT_EQ(run(spec).exit_code, 7) << output_of(spec, Stream::kStderr);
  EXPECT_EQ(run(step("pass")).exit_code, 0);
}

TEST_F(WarmTest, AnEnvironmentWithoutTheExecutorRunsColdAndSaysWhy) {
  std::filesystem::remove_all(packages_ / "kfp");
  const AttemptSpec spec = step("pass");
  const AttemptExit exit = run(spec);
  EXPECT_EQ(output_of(spec), "cold\n");
  EXPECT_TRUE(exit.process.starts_with("cold: its warm worker cannot start: ModuleNotFoundError")) << exit.process;
  EXPECT_EQ(run(step("pass")).exit_code, 0);
}

TEST_F(WarmTest, AVariableThatChangesWhereModulesComeFromRunsCold) {
  AttemptSpec spec = step("pass");
  spec.env = {{"PYTHONPATH", "/somewhere"}};
  EXPECT_EQ(run(spec).process, "cold: PYTHONPATH is set");
  EXPECT_EQ(output_of(spec), "cold\n");
}

TEST_F(WarmTest, AVariableThatIsReadAtTheStartHasAWorkerOfItsOwn) {
  std::set<std::string> parents;
  for (const char* name : {"MY_THREADS", "OMP_NUM_THREADS"})
    for (const char* value : {"1", "2", "1"}) {
      AttemptSpec spec = step(std::string("print(os.getppid())\nassert os.environ['") + name + "'] == '" + value + "'");
      spec.env = {{name, value}};
      EXPECT_EQ(run(spec).exit_code, 0) << output_of(spec, Stream::kStderr);
      parents.insert(output_of(spec));
    }
  EXPECT_EQ(parents.size(), 3U) << "one for all values of MY_THREADS, one for each of OMP_NUM_THREADS";
}

// Steps until one has what this text says of it; each starts after the one before, so that the next worker has the time it needs.
TEST_F(WarmTest, WhatStepsImportIsImportedAheadUnlessItLeavesSomethingBehind) {
  write(packages_ / "learned_one.py", "import os\nmade_in = os.getpid()\n");
  write(packages_ / "threads_one.py",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n");
  write(packages_ / "socket_one.py", "import socket\nkeep = socket.socket()\n");
  EXPECT_EQ(run(step("import learned_one, threads_one, socket_one")).exit_code, 0);
  EXPECT_TRUE(wait_until([&] {
    const AttemptSpec spec =
        step("print('learned_one' in sys.modules, 'threads_one' in sys.modules, 'socket_one' in sys.modules)");
    EXPECT_EQ(run(spec).exit_code, 0) << output_of(spec, Stream::kStderr);
    return output_of(spec) == "True False False\n";
  }));
  const std::string record = read_file(environment_ + "/sluice-modules.json");
  EXPECT_NE(record.find("its import starts a thread"), std::string::npos) << record;
  EXPECT_NE(record.find("its import opens socket:"), std::string::npos) << record;
}

TEST_F(WarmTest, ASourceTreeOutsideOfTheEnvironmentIsReadAfreshByEveryStep) {
  std::filesystem::create_directories(data_ + "/tree");
  write(packages_ / "tree.pth", data_ + "/tree\n");
  write(data_ + "/tree/mine.py", "value = 1\n");
  const AttemptSpec first = step("import mine\nprint(mine.value)");
  run(first);
  EXPECT_EQ(output_of(first), "1\n");
  write(data_ + "/tree/mine.py", "value = 12345\n");
  const AttemptSpec second = step("print('mine' in sys.modules)\nimport mine\nprint(mine.value)");
  run(second);
  EXPECT_EQ(output_of(second), "False\n12345\n");
  EXPECT_EQ(read_file(environment_ + "/sluice-modules.json").find("\"mine\""), std::string::npos);
}

TEST_F(WarmTest, ABurstIsServedByTwoAtATimeAndLeavesNothing) {
  std::vector<AttemptSpec> specs;
  for (int i = 0; i < 40; ++i) specs.push_back(step("print(" + std::to_string(i) + ")"));
  ASSERT_TRUE(supervisor_->start(specs));
  for (int i = 0; i < 40; ++i) {
    const AttemptSpec& spec = specs[static_cast<std::size_t>(i)];
    EXPECT_EQ(wait_exit(spec).process, "warm");
    EXPECT_EQ(output_of(spec), std::to_string(i) + "\n");
  }
  const auto count = [&] {
    const auto folder = std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd");
    return std::distance(folder, std::filesystem::directory_iterator());
  };
  const auto before = count();
  for (int i = 0; i < 20; ++i) run(step("pass"));
  EXPECT_TRUE(wait_until([&] { return count() <= before; })) << before << " descriptors became " << count();
}

TEST_F(WarmTest, TheDeathOfTheSupervisorLeavesNoWorkerAndNoStep) {
  const AttemptSpec spec = step("open('worker', 'w').write(str(os.getppid()))\nopen('began', 'w').close()\ntime.sleep(1000)");
  start(spec);
  wait_file(spec, "began");
  const pid_t worker = read_pid(spec, "worker");
  ::kill(pid_, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return !attempt_of(worker) && end_leftovers(spec.id).has_value(); }));
  EXPECT_TRUE(wait_until([&] { return read_file("/proc/" + std::to_string(worker) + "/cmdline").empty(); }));
}

TEST_F(WarmTest, AStoppedStepThatWaitsForItsWorkerNeverBegins) {
  const AttemptSpec spec = step("open('began', 'w').close()");
  start(spec);
  ASSERT_TRUE(supervisor_->stop(spec.id, std::chrono::seconds(1)));
  const AttemptExit exit = wait_exit(spec);
  EXPECT_EQ(exit.error, "stopped before it began");
  ASSERT_TRUE(supervisor_->shut_down());
}

}  // namespace
}  // namespace sluice
