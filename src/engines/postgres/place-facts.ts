/** The facts of a backup as its restore reads them, from a manifest that any version of Holdfast may have written. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import type { BackupReader } from "../engine.ts";
import type { PostgresFacts } from "./facts.ts";
import { type ClientTools, findClientTools } from "./tools.ts";

/** Errors: ContentInvalid when the facts that every restore needs are not there. */
export function readFacts(facts: BackupReader["facts"]): PostgresFacts {
  const { serverMajor, toolMajor, databaseName } = facts as Partial<PostgresFacts>;
  if (typeof serverMajor === "number" && typeof toolMajor === "number" && typeof databaseName === "string") {
    return facts as unknown as PostgresFacts;
  }
  throw new HoldfastError("ContentInvalid", "the manifest does not say which versions of PostgreSQL made this backup");
}

/**
 * The client programs that read this backup's archive: of the major that wrote it, or the nearest later one; at least
 * `serverMajor`, when they are to talk to a server too. Errors: ToolMissing, ContentInvalid.
 */
export function findArchiveTools(facts: BackupReader["facts"], context: RunContext, serverMajor = 0): Promise<ClientTools> {
  return findClientTools(Math.max(readFacts(facts).toolMajor, serverMajor), context);
}
