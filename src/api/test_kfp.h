// For tests of KFP's API: uploads, runs and error bodies in few words.
#pragma once

#include <string>
#include <string_view>

#include "api/kfp_spec.h"
#include "api/test_service.h"
#include "base/text.h"
#include "net/url.h"

namespace sluice {

inline constexpr std::string_view kKfp = "/apis/v2beta1/";

class KfpApi : public TestApi {
 public:
  HttpResponse kfp_get(const std::string& path) { return get(std::string(kKfp) + path); }
  HttpResponse kfp_post(const std::string& path, std::string body = {}) {
    return post(std::string(kKfp) + path, std::move(body));
  }
  HttpResponse kfp_delete(const std::string& path) { return del(std::string(kKfp) + path); }
  Value kfp_json(const std::string& path) { return json(kfp_get(path)); }

  HttpResponse upload(const std::string& path, const std::string& content, const std::string& file = "p.yaml") {
    const std::string body = "--xx\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"" + file +
                             "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n--xx--\r\n";
    return call("POST", std::string(kKfp) + path, body, {{"Content-Type", "multipart/form-data; boundary=xx"}});
  }
  std::string upload_pipeline(const std::string& name, const std::string& content) {
    return text(json(upload("pipelines/upload?name=" + encode_percent(name), content)), "pipeline_id");
  }
  // The run's id. `more`: further fields of the body.
  std::string create_run(const std::string& tasks, Struct more = {}) {
    more.emplace("display_name", "a run");
    more.emplace("pipeline_spec", spec_of(tasks));
    return text(json(kfp_post("runs", to_json(more))), "run_id");
  }
  static Value spec_of(const std::string& tasks) { return spec_value(pipeline_text(tasks)).value(); }
  static std::string text(const Value& value, std::string_view key) { return std::string(value.string_or(key, "")); }
};

// A field of a field of ...: "runtime_config.parameters". Null if it is not there.
inline Value at(const Value& value, std::string_view path) {
  Value found = value;
  for (const std::string_view key : split(path, '.')) {
    const Value* field = found.find(key);
    if (field == nullptr) return {};
    found = Value(*field);
  }
  return found;
}

// What an error body says, once its form is checked; its code in front: "5: Run x not found".
inline std::string rpc_error(const HttpResponse& response) {
  const Value body = parse_json(response.body).value_or(Value{});
  const std::string message(body.string_or("message", ""));
  EXPECT_FALSE(message.empty()) << response.status << " " << response.body;
  const Value* details = body.find("details");
  EXPECT_TRUE(details != nullptr && details->is_list() && details->as_list().size() == 1U) << response.body;
  return std::to_string(body.int_or("code", 0)) + ": " + message;
}

}  // namespace sluice
