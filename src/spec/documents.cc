#include "spec/documents.h"

#include "spec/reader.h"
#include "spec/yaml.h"

namespace sluice {

Result<std::vector<Value>> read_documents(std::string_view text, std::string_view file) {
  const YamlFile yaml = read_yaml(text, file);
  if (!yaml.errors.empty()) return fail(Code::kInvalid, yaml.errors.front().text(), yaml.errors.front().hint);
  Reader reader(file);
  std::vector<Value> documents;
  for (const YamlNode* root : yaml.roots)
    if (root->kind != YamlKind::kNull) documents.push_back(reader.value(reader.root(*root)));
  const Diagnostics errors = reader.take_errors();
  if (!errors.empty()) return fail(Code::kInvalid, errors.front().text(), errors.front().hint);
  return documents;
}

}  // namespace sluice
