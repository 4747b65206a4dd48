/** What to write instead, for arguments that the command line does not take. */
import type { Argument, Command } from "commander";
import { nearestName } from "../policy/nearest-name.ts";

/**
 * The hint for a complaint of commander: the nearest option or command, what is missing, or how the
 * command is written.
 */
export function usageHint(
  program: Command,
  args: readonly string[],
  { code, message }: { readonly code: string; readonly message: string },
): string {
  const command = commandOf(program, args);
  const path = pathOf(command);
  const [, given = ""] = /'([^']*)'/.exec(message) ?? [];
  const help = command === program ? "`holdfast help`" : `\`${path} --help\``;
  switch (code) {
    case "commander.unknownOption": {
      const options = [...command.options, ...program.options].flatMap(({ long }) => (long == null ? [] : [long]));
      const nearest = nearestName(given.split("=", 1)[0] ?? "", [...options, "--help"]);
      return nearest === undefined
        ? `See the options of this command with ${help}.`
        : `Did you mean ${nearest}? All options: ${help}.`;
    }
    case "commander.unknownCommand": {
      const nearest = nearestName(
        given,
        command.commands.map((each) => each.name()),
      );
      return nearest === undefined
        ? `See the commands with ${help}.`
        : `Did you mean \`${path} ${nearest}\`? All commands: ${help}.`;
    }
    default:
      return `Write it as \`${path} ${usageOf(command)}\`; ${help} has examples.`;
  }
}

/** The deepest command that the arguments name. */
export function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    const inner = command.commands.find((each) => each.name() === arg);
    if (inner !== undefined) command = inner;
    else if (command !== program && !arg.startsWith("-")) break;
  }
  return command;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** `<backup> --to <target> [options]`: what it must have, in order. */
function usageOf(command: Command): string {
  const required = command.options
    .filter(({ mandatory }) => mandatory)
    .map(({ long, flags }) => flags.slice(flags.indexOf(long ?? "--")));
  return [...command.registeredArguments.map(describeArgument), ...required, "[options]"].join(" ");
}

function describeArgument(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}
