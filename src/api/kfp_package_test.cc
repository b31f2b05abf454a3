#include "api/kfp_package.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <vector>

#include "base/base64.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// Made with Python's zipfile and tarfile.
constexpr std::string_view kZip =
    "UEsDBBQAAAAIAAAAIVwfKKpnBAAAAAIAAAAKAAAAcmVhZG1lLnR4dMvLBwBQSwMEFAAAAAgAAAAhXPxa6K8LAAAACQAAAAwAAABhL290aGVyLn"
    "lhbWzLL8lILbJSMOQCAFBLAwQUAAAACAAAACFc3L+nzQ8AAAAyAAAADQAAAHBpcGVsaW5lLnlhbWzLS8xNtVKoyizgyiOSBQBQSwECFAMUAAAA"
    "CAAAACFcHyiqZwQAAAACAAAACgAAAAAAAAAAAAAAgAEAAAAAcmVhZG1lLnR4dFBLAQIUAxQAAAAIAAAAIVz8WuivCwAAAAkAAAAMAAAAAAAAAA"
    "AAAACAASwAAABhL290aGVyLnlhbWxQSwECFAMUAAAACAAAACFc3L+nzQ8AAAAyAAAADQAAAAAAAAAAAAAAgAFhAAAAcGlwZWxpbmUueWFtbFBL"
    "BQYAAAAAAwADAK0AAACbAAAAAAA=";
constexpr std::string_view kStoredZip =
    "UEsDBBQAAAAAAAAAIVyGz06eDQAAAA0AAAAFAAAAeC55bWxuYW1lOiBzdG9yZWQKUEsBAhQDFAAAAAAAAAAhXIbPTp4NAAAADQAAAAUAAAAAAA"
    "AAAAAAAIABAAAAAHgueW1sUEsFBgAAAAABAAEAMwAAADAAAAAAAA==";
constexpr std::string_view kTar =
    "H4sIAAAAAAACA+3VsQqDMBSF4cx9ijxBTNQoFAodO/YVAs0gGCs2Bfv2VToUBEctNP+35HKXC4HDUZnKzlc3Xry7+UFsQn+svVob+53nvdG5MU"
    "KOYgfPR3TDdF6kyRQyxCb4k1H2IJCaYcp98CqOcbsbc6irslzPv84Xc10XVkhN/jfX3clAyhT9T//T/wnnv2963zadVy8X2t/0v1n0v9G2quj/"
    "XfrfBX+U0xcQfgAAAAAAAAAAgL/wBrpWgZQAKAAA";
constexpr std::string_view kPaxTar =
    "H4sIAAAAAAACA+3UMQrCMBSA4cw9RU6QJk2bQSg4OnqFJwYUjEitUG9vVBCXTtqC+H9LHm/JEP6Y0pTLtQyrKNvYqUnYp7HTVsG/5sfe2coFpQ"
    "c1g8u5ly5fr/6TC0GfpN+1Mply8wFzlXQonNep36fYOtMUCt8zx7Pfow51Pdq/ddVb/3n2NvhGaUv/kztKiov8AwxkBQAAAAAAAAAAAAAA8JNu"
    "umBKEQAoAAA=";
constexpr std::string_view kGnuTar =
    "H4sIAAAAAAACA+3TQQrCMBBA0Vl7ipwgmbaJAVceIJeIIEW0EdQuvH2RgrjpSiKo/21mmO3wrbNum86lT4dylDp0tjS17cJzn+8xhiAmyQeM11"
    "u+GCN/Klfjdm+w9zycBD/x/0fUa+8X+9emfem/Ee00RC9G6b+6kof9xvRlXNECAAAAAAAAAAAAAADAN5oAFVDklQAoAAA=";
constexpr std::string_view kEmptyZip =
    "UEsDBBQAAAAIAAAAIVwfKKpnBAAAAAIAAAAKAAAAcmVhZG1lLnR4dMvLBwBQSwECFAMUAAAACAAAACFcHyiqZwQAAAACAAAACgAAAAAAAAAAAA"
    "AAgAEAAAAAcmVhZG1lLnR4dFBLBQYAAAAAAQABADgAAAAsAAAAAAA=";

std::string unpack(std::string_view base64, std::string_view name = "package") {
  const auto bytes = decode_base64(base64);
  EXPECT_TRUE(bytes.has_value());
  const auto text = unpack_pipeline(name, bytes.value_or(""));
  return text ? *text : "error: " + text.error().message;
}

std::string gzip(const std::string& bytes) {
  std::string out(bytes.size() / 500 + 1000, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Package, ATextIsKnownByItsName) {
  for (const char* name : {"p.yaml", "p.yml", "a b.JSON"}) EXPECT_EQ(unpack_pipeline(name, "PK text").value(), "PK text");
  EXPECT_THAT(unpack_pipeline("p.txt", "a: 1").error().message, HasSubstr("'p.txt'"));
  EXPECT_THAT(unpack_pipeline("", "").error().message, HasSubstr("unexpected pipeline file format"));
}

TEST(Package, AnArchiveIsKnownByItsFirstBytes) {
  EXPECT_EQ(unpack(kZip), "name: zip\nname: zip\nname: zip\nname: zip\nname: zip\n");
  EXPECT_EQ(unpack(kStoredZip, "p.zip"), "name: stored\n");
  EXPECT_EQ(unpack(kTar, "p.tar.gz"), "name: tar\n");
}

TEST(Package, LongNamesInTarFilesAreRead) {
  EXPECT_EQ(unpack(kPaxTar), "name: pax\n");
  EXPECT_EQ(unpack(kGnuTar), "name: gnu\n");
}

TEST(Package, AnArchiveWithoutAPipelineIsRefused) { EXPECT_THAT(unpack(kEmptyZip), HasSubstr("no YAML file in the zip file")); }

TEST(Package, WhatIsCutShortIsRefusedAtEveryByte) {
  for (const std::string_view archive : {kZip, kStoredZip, kTar}) {
    const std::string bytes = decode_base64(archive).value();
    for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
      const auto text = unpack_pipeline("p", bytes.substr(0, size));
      ASSERT_FALSE(text.has_value()) << size;
      ASSERT_EQ(text.error().code, Code::kInvalid);
    }
  }
}

TEST(Package, DamagedBytesNeverBecomeAText) {
  const std::string bytes = decode_base64(kZip).value();
  const std::string whole = unpack(kZip);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    const auto text = unpack_pipeline("p", damaged);
    EXPECT_TRUE(!text || *text == whole || *text == "other: 1\n") << at << *text;
  }
}

TEST(Package, ABombIsRefused) {
  const std::string bomb = gzip(std::string(kUnpackedBytesMax + 1, '\0'));
  EXPECT_LT(bomb.size(), 200'000U);
  EXPECT_THAT(unpack_pipeline("p", bomb).error().message, HasSubstr("larger than 32.0 MiB"));
  EXPECT_THAT(unpack_pipeline("p.yaml", std::string(kPackageBytesMax + 1, 'a')).error().message, HasSubstr("larger than"));
}

}  // namespace
}  // namespace sluice
