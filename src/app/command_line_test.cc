#include "app/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "sluice");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

Words good(const std::vector<const char*>& words) {
  CommandLine line = parse(words);
  EXPECT_FALSE(line.error) << line.error->message;
  EXPECT_FALSE(line.out);
  return line.words;
}

std::string mistake(const std::vector<const char*>& words) {
  const CommandLine line = parse(words);
  EXPECT_TRUE(line.error);
  if (!line.error) return "";
  EXPECT_EQ(line.error->code, Code::kInvalid);
  EXPECT_THAT(line.error->hint, HasSubstr("--help"));
  return line.error->message;
}

TEST(CommandLine, RunTakesAllItsFlags) {
  const Words words =
      good({"run",    "p.yaml", "-p",           "a=1", "-p",         "b=x y",   "--param", "c=-3",       "--params", "f.json",
            "--name", "n",      "--experiment", "e",   "--no-cache", "--slots", "3",       "--data-dir", "d",        "--json"});
  EXPECT_EQ(words.verb, "run");
  EXPECT_EQ(words.pipeline, "p.yaml");
  EXPECT_THAT(words.params, ElementsAre("a=1", "b=x y", "c=-3"));
  EXPECT_EQ(words.params_file, "f.json");
  EXPECT_EQ(words.name, "n");
  EXPECT_EQ(words.experiment, "e");
  EXPECT_TRUE(words.no_cache);
  EXPECT_EQ(words.slots, 3);
  EXPECT_EQ(words.data_dir, "d");
  EXPECT_TRUE(words.json);
}

TEST(CommandLine, RunHasDefaults) {
  const Words words = good({"run", "p.py:train"});
  EXPECT_EQ(words.pipeline, "p.py:train");
  EXPECT_EQ(words.experiment, "Default");
  EXPECT_EQ(words.slots, 0);
  EXPECT_FALSE(words.no_cache);
  EXPECT_FALSE(words.json);
}

TEST(CommandLine, AParameterTakesOneValueSoThatThePipelineMayStandBehind) {
  const Words words = good({"run", "-p", "a=1", "p.yaml"});
  EXPECT_THAT(words.params, ElementsAre("a=1"));
  EXPECT_EQ(words.pipeline, "p.yaml");
}

TEST(CommandLine, ParameterValuesArriveAsTheyWereTyped) {
  EXPECT_THAT(good({"run", "p.yaml", "-p", "l=[1, 2]", "-p", "s={\"a\": 1}", "-p", "t=a,b=c", "-p", "e="}).params,
              ElementsAre("l=[1, 2]", "s={\"a\": 1}", "t=a,b=c", "e="));
}

TEST(CommandLine, RunNeedsAPipelineOrARunToResume) {
  EXPECT_THAT(mistake({"run"}), HasSubstr("PIPELINE"));
  EXPECT_EQ(good({"run", "--resume", "3f2a"}).run, "3f2a");
  const Words both = good({"run", "p.yaml", "--resume", "3f2a"});
  EXPECT_EQ(both.pipeline, "p.yaml");
}

TEST(CommandLine, CheckAndPlanTakeAPipeline) {
  EXPECT_EQ(good({"check", "p.yaml", "--json"}).pipeline, "p.yaml");
  EXPECT_THAT(good({"plan", "p.yaml", "-p", "a=1", "--params", "f"}).params, ElementsAre("a=1"));
  EXPECT_THAT(mistake({"check"}), HasSubstr("PIPELINE"));
  EXPECT_THAT(mistake({"plan"}), HasSubstr("PIPELINE"));
}

TEST(CommandLine, ListAndGetTakeTheirNouns) {
  const Words list = good({"list", "runs", "--filter", "state=FAILED", "--limit", "3"});
  EXPECT_EQ(list.noun, "runs");
  EXPECT_EQ(list.filter, "state=FAILED");
  EXPECT_EQ(list.limit, 3);
  EXPECT_EQ(good({"list", "experiments"}).limit, 50);
  const Words get = good({"get", "run", "3f2a"});
  EXPECT_EQ(get.noun, "run");
  EXPECT_EQ(get.run, "3f2a");
  EXPECT_THAT(mistake({"list", "run"}), EndsWith("'run' is none of runs, experiments, pipelines; did you mean 'runs'?"));
  EXPECT_THAT(mistake({"get", "runs", "3f2a"}), EndsWith("did you mean 'run'?"));
  EXPECT_THAT(mistake({"get", "run"}), HasSubstr("ID"));
  EXPECT_THAT(mistake({"list", "runs", "--limit", "0"}), HasSubstr("--limit"));
  EXPECT_THAT(mistake({"list", "runs", "--limit", "many"}), HasSubstr("--limit"));
}

TEST(CommandLine, LogsCancelAndRetryTakeARun) {
  const Words logs = good({"logs", "3f2a", "root/train", "--attempt", "2", "--follow", "--stdout"});
  EXPECT_EQ(logs.run, "3f2a");
  EXPECT_EQ(logs.task, "root/train");
  EXPECT_EQ(logs.attempt, 2);
  EXPECT_TRUE(logs.follow);
  EXPECT_TRUE(logs.stdout_only);
  EXPECT_TRUE(good({"logs", "3f2a", "-f"}).follow);
  EXPECT_EQ(good({"cancel", "3f2a"}).run, "3f2a");
  EXPECT_EQ(good({"retry", "3f2a", "--slots", "2"}).slots, 2);
  EXPECT_THAT(mistake({"logs"}), HasSubstr("RUN_ID"));
  EXPECT_THAT(mistake({"cancel"}), HasSubstr("RUN_ID"));
  EXPECT_THAT(mistake({"logs", "3f2a", "--attempt", "0"}), HasSubstr("--attempt"));
}

TEST(CommandLine, WhyAsksForARunAndATask) {
  const Words why = good({"why", "3f2a", "root/train"});
  EXPECT_EQ(why.run, "3f2a");
  EXPECT_EQ(why.task, "root/train");
  EXPECT_THAT(mistake({"why", "3f2a"}), HasSubstr("TASK"));
}

TEST(CommandLine, VerbsThatWorkAnywhereTakeAServer) {
  for (std::vector<const char*> words : std::vector<std::vector<const char*>>{{"run", "p.yaml"},
                                                                              {"list", "runs"},
                                                                              {"get", "run", "3f2a"},
                                                                              {"logs", "3f2a"},
                                                                              {"why", "3f2a", "train"},
                                                                              {"cancel", "3f2a"},
                                                                              {"retry", "3f2a"},
                                                                              {"pause", "3f2a"},
                                                                              {"resume", "3f2a"},
                                                                              {"down"},
                                                                              {"doctor"}}) {
    words.insert(words.end(), {"--server", "http://host:1", "--token-file", "t"});
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.error) << words.front();
    EXPECT_EQ(line.words.server, "http://host:1");
    EXPECT_EQ(line.words.token_file, "t");
  }
  EXPECT_THAT(mistake({"check", "p.yaml", "--server", "x"}), HasSubstr("unknown flag '--server'"));
}

TEST(CommandLine, ARunCanBeLeftToTheServer) {
  const Words words = good({"run", "p.yaml", "--detach", "--key", "k1"});
  EXPECT_TRUE(words.detach);
  EXPECT_EQ(words.key, "k1");
  EXPECT_TRUE(good({"retry", "3f2a", "-d"}).detach);
}

TEST(CommandLine, UpTakesAllItsFlags) {
  const Words words = good({"up",
                            "--host",
                            "::1",
                            "--port",
                            "0",
                            "--slots",
                            "2",
                            "--config",
                            "c.toml",
                            "--token-file",
                            "t",
                            "--allow-host",
                            "a.example",
                            "--allow-host",
                            "b.example",
                            "--ready-file",
                            "r",
                            "--log-format",
                            "json",
                            "--wait",
                            "--tls-certificate",
                            "c.pem",
                            "--tls-key",
                            "k.pem",
                            "--db",
                            "sqlite",
                            "--executor",
                            "local"});
  EXPECT_EQ(words.host, "::1");
  EXPECT_EQ(words.port, 0);
  EXPECT_THAT(words.allow_hosts, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(words.ready_file, "r");
  EXPECT_EQ(words.log_format, "json");
  EXPECT_TRUE(words.wait);
  EXPECT_FALSE(words.anybody);
  EXPECT_TRUE(good({"up", (std::string("--") + kAnybody).c_str()}).anybody);
  EXPECT_EQ(good({"up"}).port, -1);
  EXPECT_THAT(mistake({"up", "--port", "70000"}), HasSubstr("--port"));
  EXPECT_THAT(mistake({"up", "--log-format", "xml"}), HasSubstr("text, json"));
}

TEST(CommandLine, DownAndBackup) {
  const Words down = good({"down", "--stop-tasks", "--timeout", "10s"});
  EXPECT_TRUE(down.stop_tasks);
  EXPECT_EQ(down.timeout, "10s");
  const Words backup = good({"backup", "dest", "--with-secrets"});
  EXPECT_EQ(backup.destination, "dest");
  EXPECT_TRUE(backup.with_secrets);
  EXPECT_THAT(mistake({"backup"}), HasSubstr("DEST"));
}

TEST(CommandLine, TheSupervisorHasItsOwnFlags) {
  const Words words = good({"supervise", "--fd", "3", "--data-dir", "d", "--slots", "4", "--no-private-tmp"});
  EXPECT_EQ(words.fd, 3);
  EXPECT_EQ(words.slots, 4);
  EXPECT_FALSE(words.private_tmp);
}

TEST(CommandLine, MistakesGetSuggestions) {
  EXPECT_EQ(mistake({"rnu", "p.yaml"}), "unknown verb 'rnu'; did you mean 'run'?");
  EXPECT_EQ(mistake({"run", "p.yaml", "--nocache"}), "unknown flag '--nocache'; did you mean '--no-cache'?");
  EXPECT_EQ(mistake({"run", "p.yaml", "--experimnt=x"}), "unknown flag '--experimnt'; did you mean '--experiment'?");
  EXPECT_EQ(mistake({"run", "p.yaml", "q.yaml"}), "'q.yaml' is one word too many");
  EXPECT_EQ(mistake({}), "say what to do: a verb is missing");
  EXPECT_EQ(mistake({"--frobnicate"}), "unknown flag '--frobnicate'");
  EXPECT_THAT(mistake({"run", "p.yaml", "--slots", "0"}), HasSubstr("--slots"));
  EXPECT_THAT(mistake({"run", "p.yaml", "--slots"}), HasSubstr("--slots"));
}

TEST(CommandLine, GarbageIsCollectedWithWords) {
  const Words words = parse({"gc", "--dry-run", "--grace", "10m", "--json"}).words;
  EXPECT_TRUE(words.dry_run);
  EXPECT_EQ(words.grace, "10m");
  EXPECT_EQ(parse({"run", "p.yaml", "--notify", "http://a.example/b"}).words.notify, "http://a.example/b");
}

TEST(CommandLine, AMistakeIsJsonIfJsonWasAskedForWhereverItStands) {
  EXPECT_TRUE(parse({"run", "--frobnicate", "--json"}).words.json);
  EXPECT_TRUE(parse({"rnu", "--json"}).words.json);
  EXPECT_TRUE(parse({"run", "--json", "--slots", "0", "p.yaml"}).words.json);
  EXPECT_FALSE(parse({"run", "--frobnicate"}).words.json);
}

TEST(CommandLine, EveryVerbHasHelpWithAnExample) {
  for (const char* verb : {"run", "check", "plan", "list", "get", "logs", "why", "cancel", "retry", "pause", "resume", "up",
                           "down", "backup", "gc", "doctor", "version", "completion"}) {
    const CommandLine line = parse({verb, "--help"});
    ASSERT_TRUE(line.out) << verb;
    EXPECT_FALSE(line.error);
    EXPECT_THAT(*line.out, HasSubstr(std::string("Usage: sluice ") + verb));
    EXPECT_THAT(*line.out, HasSubstr("Example:\n  "));
    EXPECT_THAT(*line.out, HasSubstr(std::string("sluice ") + verb)) << "the example is of this verb";
    EXPECT_THAT(*line.out, EndsWith("\n"));
  }
}

TEST(CommandLine, HelpListsTheVerbsForPeopleAndVersionTheVersion) {
  const CommandLine help = parse({"--help"});
  ASSERT_TRUE(help.out);
  EXPECT_THAT(*help.out, HasSubstr("  completion "));
  EXPECT_THAT(*help.out, testing::Not(HasSubstr("supervise")));
  EXPECT_EQ(parse({"--version"}).out, std::string("sluice ") + SLUICE_VERSION + "\n");
}

}  // namespace
}  // namespace sluice
