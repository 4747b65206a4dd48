/** `holdfast completion`: scripts for bash, zsh and fish, made from the program's own commands and options. */
import type { Command } from "commander";
import { HoldfastError } from "../../errors/holdfast-error.ts";

interface Words {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flag: string; readonly description: string }[];
  readonly subcommands: readonly string[];
}

/** The script for one shell. Errors: UsageInvalid for another shell. */
export function completionScript(program: Command, shell: string): string {
  const commands = program.commands.map(wordsOf);
  const global = optionsOf(program);
  switch (shell) {
    case "bash":
      return bash(commands, global);
    case "zsh":
      // zsh runs bash's completions through its own compatibility layer.
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands, global)}`;
    case "fish":
      return fish(commands, global);
    default:
      throw new HoldfastError("UsageInvalid", `there is no completion for "${shell}"`, { hint: "Use one of: bash, zsh, fish." });
  }
}

function wordsOf(command: Command): Words {
  return {
    name: command.name(),
    description: command.description(),
    options: optionsOf(command),
    subcommands: command.commands.map((subcommand) => subcommand.name()),
  };
}

function optionsOf(command: Command): Words["options"] {
  return command.options.flatMap(({ long, description }) => (long ? [{ flag: long, description }] : []));
}

function bash(commands: readonly Words[], global: Words["options"]): string {
  const globalFlags = global.map(({ flag }) => flag).join(" ");
  const cases = commands.map(({ name, options, subcommands }) => {
    const words = [...subcommands, ...options.map(({ flag }) => flag)].join(" ");
    return `    ${name}) words="${words} ${globalFlags}" ;;`;
  });
  return `# holdfast completion
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
${cases.join("\n")}
    *) words="${commands.map(({ name }) => name).join(" ")} ${globalFlags}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _holdfast holdfast
`;
}

function fish(commands: readonly Words[], global: Words["options"]): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = ["# holdfast completion"];
  for (const { flag, description } of global) lines.push(`complete -c holdfast -l ${flag.slice(2)} -d ${quote(description)}`);
  for (const { name, description, options, subcommands } of commands) {
    lines.push(`complete -c holdfast -n __fish_use_subcommand -a ${name} -d ${quote(description)}`);
    const inside = `-n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
    for (const subcommand of subcommands) lines.push(`complete -c holdfast ${inside} -a ${subcommand}`);
    for (const option of options)
      lines.push(`complete -c holdfast ${inside} -l ${option.flag.slice(2)} -d ${quote(option.description)}`);
  }
  return `${lines.join("\n")}\n`;
}
