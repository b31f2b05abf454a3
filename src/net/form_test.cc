#include <gtest/gtest.h>

#include "net/url.h"

namespace sluice {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=XX";

std::string part(const std::string& disposition, const std::string& content) {
  return "--XX\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n";
}

std::string error_of(std::string_view content_type, std::string_view body) {
  const auto parts = parse_multipart(content_type, body);
  if (parts) return "no error";
  EXPECT_EQ(parts.error().code, Code::kInvalid);
  return parts.error().message;
}

// As urllib3, and so the kfp client, writes it.
TEST(Form, ReadsAnUpload) {
  const std::string body =
      "--5f1c\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"train.yaml\"\r\n"
      "Content-Type: application/x-yaml\r\n\r\na: 1\r\n--5f\r\n\r\n--5f1c\r\n"
      "Content-Disposition: form-data; name=\"description\"\r\n\r\n\r\n--5f1c--\r\n";
  const auto parts = parse_multipart("Multipart/Form-Data; charset=utf-8; Boundary=\"5f1c\"", body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(parts->at(0).name, "uploadfile");
  EXPECT_EQ(parts->at(0).filename, "train.yaml");
  EXPECT_EQ(parts->at(0).content_type, "application/x-yaml");
  EXPECT_EQ(parts->at(0).content, "a: 1\r\n--5f\r\n");
  EXPECT_EQ(parts->at(1).name, "description");
  EXPECT_EQ(parts->at(1).content, "");
  EXPECT_GE(parts->at(0).content.data(), body.data());
  EXPECT_LT(parts->at(0).content.data(), body.data() + body.size());
}

TEST(Form, TakesBinaryContentAndWhatOnlyBeginsAsABoundary) {
  const std::string content = std::string("\0\r\n--X\r\n--XXY\r\n--XX-\r\r\n", 23) + "--XXZ";
  const std::string body = part("form-data; name=a", content) + "--XX--";  // the parts lie in it
  const auto parts = parse_multipart(kType, body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->at(0).content, content);
}

TEST(Form, PassesOverPreamblePaddingAndEpilogue) {
  const auto parts = parse_multipart(
      kType,
      "hello --XX\r\n--XXY\r\n--XX \t\r\nX-Other: 1\r\ncontent-disposition:form-data;name=a;\r\n\r\nb\r\n--XX--\r\n--XX\r\nrest");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->at(0).name, "a");
  EXPECT_EQ(parts->at(0).content, "b");
  EXPECT_TRUE(parse_multipart(kType, "--XX--")->empty());
}

TEST(Form, ReadsNamesInEveryQuoting) {
  const auto name_and_file = [](const std::string& disposition) {
    const auto parts = parse_multipart(kType, part(disposition, "") + "--XX--");
    return parts && parts->size() == 1 ? parts->front().name + "|" + parts->front().filename : "refused";
  };
  EXPECT_EQ(name_and_file("form-data; name=\"a;b=c\"; filename=\"C:\\dir\\x\""), "a;b=c|C:\\dir\\x");
  EXPECT_EQ(name_and_file("form-data; name=\"\\\"a\\\\\""), "\"a\\|");
  EXPECT_EQ(name_and_file("form-data; name=a; filename=x; filename*=UTF-8''na%C3%AFve"), "a|na\xC3\xAFve");
  EXPECT_EQ(name_and_file("form-data; name=a; filename=x; filename*=latin-1''na%EF"), "a|x");
  EXPECT_EQ(name_and_file("form-data; name=\"\""), "|");
  EXPECT_EQ(name_and_file("form-data; name=\"a"), "refused");
  EXPECT_EQ(name_and_file("form-data; name"), "refused");
  EXPECT_EQ(name_and_file("form-data; name=\"a\" b"), "refused");
  EXPECT_EQ(name_and_file("form-data; filename=x"), "refused");
  EXPECT_EQ(name_and_file("attachment; name=a"), "refused");
}

TEST(Form, RefusesOtherContentTypes) {
  EXPECT_NE(error_of("application/json", "{}").find("'application/json'"), std::string::npos);
  EXPECT_NE(error_of("", "").find("not multipart/form-data"), std::string::npos);
  for (const std::string type : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
                                 "multipart/form-data; boundary=\"a\r\nb\""})
    EXPECT_NE(error_of(type, "--XX--").find("boundary"), std::string::npos) << type;
  EXPECT_NE(error_of("multipart/form-data; boundary=" + std::string(71, 'x'), "").find("1 to 70"), std::string::npos);
}

TEST(Form, RefusesBodiesThatAreNone) {
  EXPECT_NE(error_of(kType, "").find("does not hold the boundary 'XX'"), std::string::npos);
  EXPECT_NE(error_of(kType, "--XX").find("does not hold"), std::string::npos);
  EXPECT_NE(error_of(kType, part("form-data; name=a", "b")).find("without its last boundary"), std::string::npos);
  EXPECT_NE(error_of(kType, "--XX\r\nContent-Disposition: form-data; name=a\r\n--XX--").find("does not end"), std::string::npos);
  EXPECT_NE(error_of(kType, "--XX\r\nno colon\r\n\r\n\r\n--XX--").find("no colon: 'no colon'"), std::string::npos);
  EXPECT_NE(error_of(kType, "--XX\r\n\r\nb\r\n--XX--").find("no Content-Disposition"), std::string::npos);
  EXPECT_LT(error_of(kType, "--XX\r\n" + std::string(1 << 20, 'x') + "\r\n\r\n\r\n--XX--").size(), 300U);
}

TEST(Form, HasAtMostAHundredParts) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += part("form-data; name=a", "b");
  EXPECT_EQ(parse_multipart(kType, body + "--XX--")->size(), 100U);
  EXPECT_NE(error_of(kType, body + part("form-data; name=a", "b") + "--XX--").find("more than 100"), std::string::npos);
}

}  // namespace
}  // namespace sluice
