#include "app/completion.h"

#include "base/text.h"

namespace sluice {
namespace {

std::string bash_script(const std::vector<VerbFacts>& all) {
  std::string verbs, cases;
  for (const VerbFacts& verb : all) {
    verbs += " " + verb.name;
    std::string words;
    for (const auto& [flag, what] : verb.flags) words += " --" + flag;
    words += " " + join(verb.nouns, " ");
    cases += "    " + verb.name + ") words=\"" + std::string(trim(words)) + "\" ;;\n";
  }
  return "_sluice() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases + "    *) words=\"" + std::string(trim(verbs)) +
         "\" ;;\n"
         "  esac\n"
         "  [ \"$COMP_CWORD\" -eq 1 ] && words=\"" +
         std::string(trim(verbs)) +
         "\"\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _sluice sluice\n";
}

std::string quoted(const std::string& text) { return "'" + replace_all(text, "'", "\\'") + "'"; }

std::string fish_script(const std::vector<VerbFacts>& all) {
  std::string out = "complete -c sluice -n __fish_use_subcommand -f\n";
  for (const VerbFacts& verb : all) {
    const std::string condition = "complete -c sluice -n '__fish_seen_subcommand_from " + verb.name + "'";
    out += "complete -c sluice -n __fish_use_subcommand -a " + verb.name + " -d " + quoted(verb.what) + "\n";
    for (const std::string& word : verb.nouns) out += condition + " -f -a " + word + "\n";
    for (const auto& [flag, what] : verb.flags) out += condition + " -l " + flag + " -d " + quoted(what) + "\n";
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<VerbFacts>& verbs) {
  if (shell == "fish") return fish_script(verbs);
  if (shell == "zsh")  // its emulation of bash's completion needs its own to be loaded
    return "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
           "autoload -U +X bashcompinit && bashcompinit\n" +
           bash_script(verbs);
  return bash_script(verbs);
}

}  // namespace sluice
