#include <gtest/gtest.h>

#include "net/url.h"

namespace sluice {
namespace {

TEST(EventText, HasAFieldALine) {
  EXPECT_EQ(event_text({.id = "b-7", .event = "task", .data = "{\"a\": 1}"}), "id: b-7\nevent: task\ndata: {\"a\": 1}\n\n");
  EXPECT_EQ(event_text({.data = "x"}), "data: x\n\n");
  EXPECT_EQ(event_text({}), "data: \n\n");
}

TEST(EventText, CutsDataIntoLines) {
  EXPECT_EQ(event_text({.data = "a\nb\r\nc\rd"}), "data: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(event_text({.data = "a\n"}), "data: a\ndata: \n\n");
  EXPECT_EQ(event_text({.data = "a\r"}), "data: a\ndata: \n\n");
  EXPECT_EQ(event_text({.data = "\r\r"}), "data: \ndata: \ndata: \n\n");
}

TEST(EventText, AnIdCannotBeginAnotherField) {
  EXPECT_EQ(event_text({.id = "1\ndata: x", .event = "a\r\n\nb", .data = "y"}), "id: 1data: x\nevent: ab\ndata: y\n\n");
  EXPECT_EQ(event_text({.id = std::string("\0\n", 2), .data = "y"}), "data: y\n\n");
}

TEST(EventReader, ReadsWhatWasWrittenByteByByte) {
  const ServerEvent first = {.id = "1", .event = "run", .data = "one\n\ntwo\n"}, second = {.data = ": no comment"};
  EventReader reader;
  std::vector<ServerEvent> read;
  for (const char c : event_text(first) + ": still here\n\n" + event_text(second)) {
    reader.append({&c, 1});
    while (auto event = reader.next()) read.push_back(std::move(*event));
  }
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].id, "1");
  EXPECT_EQ(read[0].event, "run");
  EXPECT_EQ(read[0].data, first.data);
  EXPECT_EQ(read[1].id, "");
  EXPECT_EQ(read[1].data, second.data);
}

TEST(EventReader, TakesEveryLineEndAndEveryField) {
  EventReader reader;
  reader.append("retry: 5\rdata:a\r\ndata\r\ndata:  b\nunknown: x\nid: 1\nid\nevent: e\r\r");
  EXPECT_FALSE(reader.next());  // the last \r may be half of a line end
  reader.append("data: more\n\n");
  auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data, "a\n\n b");
  EXPECT_EQ(event->id, "");
  EXPECT_EQ(event->event, "e");
  event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data, "more");
  EXPECT_FALSE(reader.next());
}

TEST(EventReader, PassesOverWhatHasNoData) {
  EventReader reader;
  reader.append(": comment\n\nid: 9\nevent: x\n\n\n\ndata: y\n\n");
  const auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data, "y");
  EXPECT_EQ(event->id, "");
  EXPECT_EQ(event->event, "");
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace sluice
