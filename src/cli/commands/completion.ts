/**
 * `holdfast completion`: scripts for bash, zsh and fish, made from the program's own commands and
 * options.
 */
import type { Argument, Command, Option } from "commander";

export const completionShells = ["bash", "zsh", "fish"] as const;
export type CompletionShell = (typeof completionShells)[number];

/** A command with what may stand after it; `path` is `hold add` for a command of a command. */
interface Words {
  readonly path: string;
  readonly options: readonly OptionWord[];
  /** The names of its commands, or what its first argument may be. */
  readonly words: readonly { readonly word: string; readonly description: string }[];
}

interface OptionWord {
  readonly flag: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** The script for one shell, which the shell is to read (`eval "$(holdfast completion bash)"`). */
export function completionScript(program: Command, shell: CompletionShell): string {
  // What commander adds by itself is in no list of its own.
  const help: OptionWord = { flag: "--help", description: "show this help", takesValue: false, choices: [] };
  const global = [...program.options.flatMap(wordOfOption), help];
  const commands = wordsBelow(program, []);
  switch (shell) {
    case "bash":
      return bash(commands, global);
    case "zsh":
      // zsh runs bash's completions through its own compatibility layer, which needs its completion
      // system.
      return `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands, global)}`;
    case "fish":
      return fish(commands, global);
  }
}

function wordsBelow(command: Command, path: readonly string[]): Words[] {
  const own: Words = {
    path: path.join(" "),
    options: path.length === 0 ? [] : command.options.flatMap(wordOfOption),
    words: [...command.commands.map((each) => ({ word: each.name(), description: each.description() })), ...choicesOf(command)],
  };
  return [own, ...command.commands.flatMap((each) => wordsBelow(each, [...path, each.name()]))];
}

function choicesOf(command: Command): Words["words"] {
  const [first]: readonly (Argument | undefined)[] = command.registeredArguments;
  return (first?.argChoices ?? []).map((word) => ({ word, description: first?.description ?? "" }));
}

function wordOfOption({ long, description, required, optional, argChoices }: Option): OptionWord[] {
  if (!long) return [];
  return [{ flag: long, description, takesValue: required || optional, choices: argChoices ?? [] }];
}

function bash(commands: readonly Words[], global: readonly OptionWord[]): string {
  const every = [...global, ...commands.flatMap(({ options }) => options)];
  const valued = [...new Set(every.filter(({ takesValue }) => takesValue).map(({ flag }) => flag))];
  const choices = every.filter((option) => option.choices.length > 0);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const wordsOf = ({ path, words, options }: Words): string => {
    const everywhere = global.filter(({ flag }) => path === "" || flag !== "--version");
    return [...words.map(({ word }) => word), ...[...options, ...everywhere].map(({ flag }) => flag)].join(" ");
  };
  return `# holdfast completion
_holdfast() {
  COMPREPLY=()
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" value="" word words
  case "$previous" in
${choices.map((option) => `    ${option.flag}) COMPREPLY=($(compgen -W "${option.choices.join(" ")}" -- "$current")); return ;;\n`).join("")}\
    ${valued.join("|")}) return ;;
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$value" ]; then value=""; continue; fi
    case "$word" in
      ${valued.join("|")}) value=1; continue ;;
      -*) continue ;;
    esac
    case "\${command:+$command }$word" in
      ${paths.join("|")}) command="\${command:+$command }$word" ;;
      *) break ;;
    esac
  done
  case "$command" in
${commands.map((each) => `    "${each.path}") words="${wordsOf(each)}" ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
# Where it has no word of its own, the shell completes file names.
complete -o default -F _holdfast holdfast
`;
}

function fish(commands: readonly Words[], global: readonly OptionWord[]): string {
  const lines = ["# holdfast completion", ...global.map((option) => `complete -c holdfast ${fishOption(option)}`)];
  for (const { path, options, words } of commands) {
    const condition = path === "" ? "__fish_use_subcommand" : fishCondition(path, words);
    // Where words are to choose from, files are not.
    for (const { word, description } of words)
      lines.push(`complete -c holdfast -n ${quote(condition)} -f -a ${word} -d ${quote(description)}`);
    const inside = `-n ${quote(`__fish_seen_subcommand_from ${path.split(" ").at(-1)}`)}`;
    for (const option of options) lines.push(`complete -c holdfast ${inside} ${fishOption(option)}`);
  }
  return `${lines.join("\n")}\n`;
}

function fishCondition(path: string, words: Words["words"]): string {
  const seen = `__fish_seen_subcommand_from ${path}`;
  return words.length === 0 ? seen : `${seen}; and not __fish_seen_subcommand_from ${words.map(({ word }) => word).join(" ")}`;
}

function fishOption({ flag, description, takesValue, choices }: OptionWord): string {
  const value = choices.length > 0 ? ` -x -a ${quote(choices.join(" "))}` : takesValue ? " -r" : "";
  return `-l ${flag.slice(2)}${value} -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
