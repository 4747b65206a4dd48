import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * What this user's Holdfast keeps in mind between commands: below `$XDG_STATE_HOME`, or
 * `~/.local/state` (XDG Base Directory Specification).
 */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment["XDG_STATE_HOME"] ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".local", "state"), "holdfast");
}
