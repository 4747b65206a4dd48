/** The programs that a backup's facts ask for. */
import type { RunContext } from "../../../runtime/run-context.ts";
import type { PostgresFacts } from "../backup-facts.ts";
import { type ClientTools, findClientTools } from "../tools.ts";

/**
 * The client programs that read this backup's archive: of the major that wrote it, or the nearest
 * later one; at least
 * `serverMajor`, when they are to talk to a server too. Errors: ToolMissing.
 */
export function findArchiveTools(
  { toolMajor }: Pick<PostgresFacts, "toolMajor">,
  context: RunContext,
  serverMajor = 0,
): Promise<ClientTools> {
  return findClientTools(Math.max(toolMajor, serverMajor), context);
}
