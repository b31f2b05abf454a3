#include "exec/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using ::testing::HasSubstr;

std::string frame(std::string_view json) {
  std::string out(4, '\0');
  for (int i = 0; i < 4; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(json.size() >> (8 * i));
  return out.append(json);
}

// The one message in `bytes`, which must hold exactly that.
WireMessage decode(std::string_view bytes) {
  FrameReader reader;
  reader.append(bytes);
  auto message = reader.next();
  EXPECT_TRUE(message.has_value()) << message.error().message;
  EXPECT_TRUE(message->has_value());
  auto rest = reader.next();
  EXPECT_TRUE(rest.has_value() && !rest->has_value());
  return std::move(**message);
}

std::string encode(const WireMessage& message) {
  std::string out;
  append_frame(out, message);
  return out;
}

Error error_of(std::string_view bytes) {
  FrameReader reader;
  reader.append(bytes);
  const auto message = reader.next();
  return message ? Error{} : message.error();
}

AttemptSpec full_spec() {
  return {.id = "run/task/1",
          .argv = {"sh", "-c", "echo \"ä\"\n"},
          .env = {{"B", "2"}, {"A", ""}, {"X", "a=b"}},
          .directory = "/data/runs/1",
          .log_path = "/data/runs/1/log",
          .log_bytes_max = 12345,
          .writable = {"/tmp/w"},
          .private_tmp = false};
}

TEST(Wire, AStartArrivesAsItWasSent) {
  const auto spec = full_spec();
  const auto message = decode(encode(WireStart{spec}));
  const auto* start = std::get_if<WireStart>(&message);
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start->spec.id, spec.id);
  EXPECT_EQ(start->spec.argv, spec.argv);
  EXPECT_EQ(start->spec.env, spec.env);
  EXPECT_EQ(start->spec.directory, spec.directory);
  EXPECT_EQ(start->spec.log_path, spec.log_path);
  EXPECT_EQ(start->spec.log_bytes_max, spec.log_bytes_max);
  EXPECT_EQ(start->spec.writable, spec.writable);
  EXPECT_EQ(start->spec.private_tmp, spec.private_tmp);
}

TEST(Wire, AnExitArrivesAsItWasSent) {
  const AttemptExit exit{.id = "a",
                         .exit_code = 137,
                         .signal = 9,
                         .error = "e",
                         .note = "n",
                         .unavailable = true,
                         .began = from_micros(1'790'000'000'123'456),
                         .ended = from_micros(1'790'000'000'123'457),
                         .cpu = Duration{77},
                         .max_rss_bytes = 1LL << 40,
                         .process = "warm",
                         .lost = true};
  const auto message = decode(encode(exit));
  const auto* read = std::get_if<AttemptExit>(&message);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->exit_code, exit.exit_code);
  EXPECT_EQ(read->signal, exit.signal);
  EXPECT_EQ(read->error + read->note + read->id, "ena");
  EXPECT_TRUE(read->unavailable);
  EXPECT_TRUE(read->lost);
  EXPECT_EQ(read->process, "warm");
  EXPECT_EQ(read->began, exit.began);
  EXPECT_EQ(read->ended, exit.ended);
  EXPECT_EQ(read->cpu, exit.cpu);
  EXPECT_EQ(read->max_rss_bytes, exit.max_rss_bytes);
}

TEST(Wire, TheSmallMessagesArriveAsTheyWereSent) {
  const auto hello = std::get<Hello>(decode(encode(Hello{2, 5, "1.2.3 abc", 77})));
  EXPECT_EQ(hello.version_max, 5);
  EXPECT_EQ(hello.program, "1.2.3 abc");
  EXPECT_EQ(hello.pid, 77);
  EXPECT_EQ(std::get<WireListed>(decode(encode(WireListed{{"a"}}))).held, (std::vector<std::string>{"a"}));
  EXPECT_EQ(std::get<WireWithdraw>(decode(encode(WireWithdraw{{"a"}}))).ids, (std::vector<std::string>{"a"}));
  EXPECT_EQ(std::get<AttemptsWithdrawn>(decode(encode(AttemptsWithdrawn{{"a", "b"}}))).ids.size(), 2U);
  EXPECT_EQ(std::get<WireSlots>(decode(encode(WireSlots{3}))).slots, 3);
  EXPECT_TRUE(std::holds_alternative<WireEnded>(decode(encode(WireEnded{}))));
  const auto stop = std::get<WireStop>(decode(encode(WireStop{"a", Duration{1500}})));
  EXPECT_EQ(stop.id, "a");
  EXPECT_EQ(stop.grace, Duration{1500});
  EXPECT_EQ(std::get<WireAck>(decode(encode(WireAck{{"a", "b"}}))).ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(std::holds_alternative<WireShutDown>(decode(encode(WireShutDown{}))));
  const auto began = std::get<AttemptBegan>(decode(encode(AttemptBegan{"a", 42, from_micros(7)})));
  EXPECT_EQ(began.pid, 42);
  EXPECT_EQ(began.at, from_micros(7));
}

TEST(Wire, MessagesDoNotLineUpWithPackets) {
  const std::string bytes = encode(Hello{}) + encode(WireStart{full_spec()}) + encode(WireShutDown{});
  FrameReader reader;
  int messages = 0;
  for (const char& byte : bytes) {
    reader.append({&byte, 1});
    const auto message = reader.next();
    ASSERT_TRUE(message);
    if (*message) ++messages;
  }
  EXPECT_EQ(messages, 3);
}

TEST(Wire, ATypeFromTheFutureIsPassedOver) {
  EXPECT_EQ(std::get<UnknownMessage>(decode(frame(R"({"type":"adopt","id":"x"})"))).type, "adopt");
}

TEST(Wire, AMalformedFrameIsCorrupt) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff", 4), frame("{"), frame("[]"), frame(R"({"type":7})"), frame(R"({"type":"start"})"),
        frame(R"({"type":"ack"})"), frame(R"({"type":"withdraw","ids":[1]})"), frame(R"({"type":"listed"})"),
        frame(R"({"type":"start","id":"a","argv":["x"],"env":["ODD"],"writable":[],"directory":"/d","log_path":"/l"})"),
        frame(R"({"type":"start","id":"a","argv":["x"],"env":[],"writable":[],"directory":"relative","log_path":"/l"})"),
        frame(R"({"type":"start","id":"a","argv":["x\u0000"],"env":[],"writable":[],"directory":"/d","log_path":"/l"})")})
    EXPECT_EQ(error_of(bytes).code, Code::kCorrupt) << bytes;
}

TEST(Wire, NumbersOutOfRangeAreClamped) {
  const auto message = decode(frame(R"({"type":"exited","id":"a","exit_code":1e300,"signal":-1e300,"began_us":1e300})"));
  EXPECT_EQ(std::get<AttemptExit>(message).exit_code, INT32_MAX);
  EXPECT_EQ(std::get<AttemptExit>(message).signal, INT32_MIN);
  EXPECT_GE(std::get<WireStop>(decode(frame(R"({"type":"stop","id":"a","grace_us":-5})"))).grace, Duration{0});
}

TEST(Wire, VersionsThatDoNotMeetAreNamed) {
  EXPECT_TRUE(check_hello({1, 9, "", 0}));
  const Status status = check_hello({7, 9, "9.8.7 abc", 0});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_THAT(status.error().message, HasSubstr("7 to 9"));
  EXPECT_THAT(status.error().message, HasSubstr("sluice 9.8.7 abc"));
  EXPECT_THAT(status.error().message, HasSubstr(SLUICE_VERSION));
}

}  // namespace
}  // namespace sluice
