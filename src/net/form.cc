#include <algorithm>

#include "base/text.h"
#include "net/url.h"

namespace sluice {
namespace {

constexpr std::size_t kFormPartsMax = 100;
constexpr std::size_t kBoundaryBytesMax = 70;  // RFC 2046, 5.1.1
constexpr std::string_view kLineEnd = "\r\n";

// Enough of it for an error message: what should be a line may be the whole of a file.
std::string quote(std::string_view text) { return "'" + std::string(text.substr(0, 80)) + (text.size() > 80 ? "...'" : "'"); }

tl::unexpected<Error> wrong(const std::string& what) { return fail(Code::kInvalid, "multipart/form-data: " + what); }

// The value at the front of `rest`, which then begins behind it. A quoted one may hold \" and \\; any other \ stays, because
// browsers send the path C:\x as it is. Nothing if its closing quote is missing.
std::optional<std::string> take_value(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find(';'), rest.size());
    std::string value(trim(rest.substr(0, end)));
    rest.remove_prefix(end);
    return value;
  }
  std::string value;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    value += rest[i];
  }
  return std::nullopt;
}

// "form-data; name=\"a\"; filename=b" without its first word: names in lower case. Nothing if it is not of that form.
std::optional<QueryFields> parse_parameters(std::string_view text) {
  QueryFields out;
  std::string_view rest = text.substr(std::min(text.find(';'), text.size()));
  while (!(rest = trim(rest)).empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest = trim(rest.substr(1));
    if (rest.empty()) break;
    const auto equals = rest.find_first_of("=;");
    if (equals == std::string_view::npos || rest[equals] == ';') return std::nullopt;
    std::string name = lower(trim(rest.substr(0, equals)));
    rest = trim(rest.substr(equals + 1));
    auto value = take_value(rest);
    if (!value) return std::nullopt;
    out.emplace_back(std::move(name), std::move(*value));
  }
  return out;
}

std::string first_word(std::string_view header) { return lower(trim(header.substr(0, header.find(';')))); }

const std::string* find_parameter(const QueryFields& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  return found == fields.end() ? nullptr : &found->second;
}

Result<std::string> boundary_of(std::string_view content_type) {
  if (first_word(content_type) != "multipart/form-data")
    return fail(Code::kInvalid, "the content type is " + quote(content_type) + ", not multipart/form-data");
  const auto parameters = parse_parameters(content_type);
  const std::string* boundary = parameters ? find_parameter(*parameters, "boundary") : nullptr;
  if (boundary == nullptr || boundary->empty() || boundary->size() > kBoundaryBytesMax ||
      boundary->find_first_of(kLineEnd) != std::string::npos)
    return wrong("the content type names no boundary of 1 to 70 characters");
  return *boundary;
}

// filename*=UTF-8''na%C3%AFve.txt, the form of RFC 5987. Nothing if it is not that.
std::optional<std::string> decode_extended(std::string_view text) {
  const auto first = text.find('\'');
  const auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || lower(text.substr(0, first)) != "utf-8") return std::nullopt;
  return decode_percent(text.substr(second + 1));
}

Status read_disposition(std::string_view text, FormPart& part) {
  const auto parameters = parse_parameters(text);
  const std::string* name = parameters ? find_parameter(*parameters, "name") : nullptr;
  if (first_word(text) != "form-data" || name == nullptr)
    return wrong("a part's Content-Disposition is not form-data with a name: " + quote(text));
  part.name = *name;
  if (const std::string* filename = find_parameter(*parameters, "filename")) part.filename = *filename;
  if (const std::string* extended = find_parameter(*parameters, "filename*"))
    if (auto filename = decode_extended(*extended)) part.filename = std::move(*filename);
  return {};
}

// `text` is a header and its content: "Content-Disposition: ...\r\n\r\ncontent".
Result<FormPart> read_part(std::string_view text) {
  FormPart part;
  bool has_disposition = false;
  while (true) {
    const auto end = text.find(kLineEnd);
    if (end == std::string_view::npos) return wrong("a part's header does not end");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + kLineEnd.size());
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return wrong("a line of a part's header has no colon: " + quote(line));
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-type") part.content_type = value;
    if (name != "content-disposition") continue;
    SLUICE_TRY_STATUS(read_disposition(value, part));
    has_disposition = true;
  }
  if (!has_disposition) return wrong("a part has no Content-Disposition");
  part.content = text;
  return part;
}

// A line that divides: where it begins (with the line end before it) and where what follows it begins.
struct Divider {
  std::size_t begin = 0, end = 0;
  bool is_last = false;
};

// The one whose boundary ends at `end`; nothing if more of a word follows: that is content which begins as a boundary does.
std::optional<Divider> divider_at(std::string_view body, std::size_t begin, std::size_t end) {
  const std::string_view rest = body.substr(end);
  if (rest.starts_with("--")) return Divider{begin, body.size(), true};
  const auto padding = std::min(rest.find_first_not_of(" \t"), rest.size());  // a gateway may have padded the line
  if (!rest.substr(padding).starts_with(kLineEnd)) return std::nullopt;
  return Divider{begin, end + padding + kLineEnd.size(), false};
}

// The first one at or behind `from`; `mark` is "\r\n--BOUNDARY". At the very beginning of the body no line end is before it.
std::optional<Divider> find_divider(std::string_view body, std::string_view mark, std::size_t from) {
  if (from == 0 && body.starts_with(mark.substr(kLineEnd.size())))
    if (auto divider = divider_at(body, 0, mark.size() - kLineEnd.size())) return divider;
  for (auto begin = body.find(mark, from); begin != std::string_view::npos; begin = body.find(mark, begin + 1))
    if (auto divider = divider_at(body, begin, begin + mark.size())) return divider;
  return std::nullopt;
}

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body) {
  SLUICE_TRY(const std::string boundary, boundary_of(content_type));
  const std::string mark = "\r\n--" + boundary;
  auto divider = find_divider(body, mark, 0);
  if (!divider) return wrong("the body does not hold the boundary '" + boundary + "'");
  std::vector<FormPart> out;
  while (!divider->is_last) {
    const std::size_t begin = divider->end;
    divider = find_divider(body, mark, begin);
    if (!divider) return wrong("the body ends without its last boundary");
    if (out.size() == kFormPartsMax) return wrong("more than " + std::to_string(kFormPartsMax) + " parts");
    SLUICE_TRY(FormPart part, read_part(body.substr(begin, divider->begin - begin)));
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace sluice
