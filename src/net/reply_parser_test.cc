#include "net/reply_parser.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// The body as it is read in pieces of that size; an error's message if it is refused or not whole.
std::string read(std::string_view text, std::size_t piece, bool ends = false) {
  ReplyParser parser(true, std::nullopt);
  for (std::size_t begin = 0; begin < text.size(); begin += piece)
    if (const Status taken = parser.append(text.substr(begin, piece)); !taken) return taken.error().message;
  EXPECT_EQ(parser.keeps_alive(), parser.is_done());
  if (const Status ended = parser.end(); ends && !ended) return ended.error().message;
  return parser.is_done() ? parser.take_body() : "not done";
}

TEST(ReplyParser, ReadsTheSameWhateverThePieces) {
  const std::string chunked(kChunked);
  for (std::size_t piece = 1; piece < 100; ++piece) {
    EXPECT_EQ(read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", piece), "abc");
    EXPECT_EQ(read(chunked + "1\r\na\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", piece), "a0123456789");
    EXPECT_EQ(read(chunked + "0\r\n\r\n", piece), "");
    EXPECT_EQ(read(chunked + "0\r\nX: y\r\n\r\n", piece), "");
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nabc", piece, true), "abc");
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\n", piece, true), "");
  }
}

TEST(ReplyParser, HandsOutAChunkAsSoonAsItIsWhole) {
  ReplyParser parser(true, std::nullopt);
  ASSERT_TRUE(parser.append(kChunked));
  for (const std::string_view chunk : {"1\r\na\r\n", "3\r\nbcd\r\n", "1\r\ne\r\n"}) {
    for (const char& c : chunk) ASSERT_TRUE(parser.append({&c, 1}));
    EXPECT_EQ(parser.take_body(), chunk.substr(3, chunk.size() - 5));
  }
  EXPECT_FALSE(parser.is_done());
}

TEST(ReplyParser, TellsACutFromARefusal) {
  EXPECT_EQ(read("", 1, true), "the connection ended before any answer");
  EXPECT_EQ(read(std::string(kChunked) + "0\r\n\r", 1, true), "the connection ended in the middle of the answer");
  // With something behind them: few bytes may still be the begin of a last chunk, and wait for more.
  for (const std::string body : {"x\r\n0000", "0\r\nT\1: u\r\n\r\n", "1\r\nab\r\n0000"})
    for (const std::size_t piece : {1, 100})
      EXPECT_NE(read(std::string(kChunked) + body, piece).find("no HTTP"), std::string::npos) << body;
}

TEST(ReplyParser, EndsAtManyInterimAnswers) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(read(text + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 1000), "a");
  EXPECT_NE(read(text + text, 1000).find("no HTTP"), std::string::npos);
}

}  // namespace
}  // namespace sluice
