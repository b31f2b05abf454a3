#include "exec/redact.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice {
namespace {

using Texts = std::vector<std::string>;

TEST(Redact, ATextIsHiddenWhereverItStands) {
  EXPECT_EQ(redacted("the s3cret is s3cret", {"s3cret"}), "the *** is ***");
  EXPECT_EQ(redacted("s3cret", {"s3cret"}), "***");
  EXPECT_EQ(redacted("s3cre s3crets3cret", {"s3cret"}), "s3cre ***") << "what touches is one";
  EXPECT_EQ(redacted("nothing here", {"s3cret"}), "nothing here");
  EXPECT_EQ(redacted("", {"s3cret"}), "");
  EXPECT_EQ(redacted(std::string("a\0b\xff s\0cret!", 12), {std::string("s\0cret", 6)}), std::string("a\0b\xff ***!", 9));
}

TEST(Redact, ShortTextsAreLeftAsTheyAre) {
  EXPECT_EQ(redacted("a1b 123 1234", {"1", "123", ""}), "a1b 123 1234");
  EXPECT_EQ(redacted("a1b 123 1234", {"1234"}), "a1b 123 ***");
  EXPECT_TRUE(HiddenTexts({"abc"}).empty());
}

TEST(Redact, TextsThatOverlapAreHiddenWhole) {
  EXPECT_EQ(redacted("abcdef", {"abcd", "cdef"}), "***");
  EXPECT_EQ(redacted("xabcdefx", {"abcdef", "bcde"}), "x***x") << "one lies in the other";
  EXPECT_EQ(redacted("abcdxx", {"abcdefgh", "bcdx"}), "a***x") << "a longer one that does not come to its end";
  EXPECT_EQ(redacted("aaaaaab", {"aaaa"}), "***b");
}

TEST(Redact, WhatMayBeTheBeginningOfATextIsHeldBackUntilItIsKnown) {
  const HiddenTexts texts({"s3cret"});
  Redactor redactor(texts);
  std::string out;
  redactor.feed("password: s3c", out);
  EXPECT_EQ(out, "password: ");
  redactor.feed("ond", out);
  EXPECT_EQ(out, "password: s3cond");
  redactor.feed("s3cre", out);
  redactor.finish(out);
  EXPECT_EQ(out, "password: s3conds3cre");
}

// What must come out, said in the simplest way.
std::string hidden_slowly(const std::string& text, const Texts& hidden) {
  std::vector<bool> is_hidden(text.size(), false);
  for (const std::string& one : hidden)
    for (std::size_t at = text.find(one); at != std::string::npos; at = text.find(one, at + 1))
      std::fill_n(is_hidden.begin() + static_cast<std::ptrdiff_t>(at), one.size(), true);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_hidden[i])
      out += text[i];
    else if (i == 0 || !is_hidden[i - 1])
      out += "***";
  }
  return out;
}

TEST(Redact, AnySplitOfAnyTextGivesTheSame) {
  std::mt19937 random(7);
  const auto up_to = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(random); };
  // Two letters, so that texts begin, overlap and nearly match everywhere.
  const auto letters = [&](std::size_t size) {
    std::string text;
    while (text.size() < size) text += up_to(1) == 0 ? 'a' : 'b';
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    Texts hidden;
    for (std::size_t i = 0; i <= up_to(3); ++i) hidden.push_back(letters(4 + up_to(5)));
    const std::string text = letters(up_to(60));
    const HiddenTexts texts(hidden);
    Redactor redactor(texts);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + up_to(6);
      redactor.feed(std::string_view(text).substr(at, size), out);
      at += size;
    }
    redactor.finish(out);
    ASSERT_EQ(out, hidden_slowly(text, hidden)) << "round " << round << ", text " << text;
  }
}

TEST(Redact, LongTextsThatMatchAtEveryByteCostNoMoreThanTheOutput) {
  const std::string text(1'000'000, 'a');
  EXPECT_EQ(redacted(text, {std::string(50'000, 'a'), std::string(4, 'a')}), "***");
}

}  // namespace
}  // namespace sluice
