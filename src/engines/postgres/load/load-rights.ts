/** Owners and rights on a server that has some of the backup's roles and not the others. */
import type { LoadFinding } from "../../../proof/content.ts";
import { readRoles } from "../archive/archive-outline.ts";
import type { Connection } from "../connection/driver.ts";
import { applyRightStatements } from "./grant-rights.ts";

/**
 * Applies those statements whose roles are all there, in their order; the others are counted, one
 * finding a role. What a missing role owned stays with the restoring user. Statements framed by SET
 * SESSION AUTHORIZATION go with their frame.
 */
export async function applyRights(
  statements: readonly string[],
  missingRoles: readonly string[],
  connection: Connection,
  user: string,
): Promise<LoadFinding[]> {
  const missing = new Set(missingRoles);
  const left = new Map<string, number>();
  const kept: string[] = [];
  let skippingFrame = false;
  for (const statement of statements) {
    const absent = readRoles(statement).filter((role) => missing.has(role));
    if (statement.startsWith("SET SESSION AUTHORIZATION ")) skippingFrame = absent.length > 0;
    if (absent.length > 0 || skippingFrame) {
      for (const role of absent) left.set(role, (left.get(role) ?? 0) + 1);
      if (statement === "RESET SESSION AUTHORIZATION") skippingFrame = false;
      continue;
    }
    kept.push(statement);
  }
  const refused = await applyRightStatements(kept, connection);
  const findings = refused.map(({ statement, message }) => ({
    class: "benign" as const,
    subject: statement.slice(0, 100),
    message,
  }));
  const roles = [...left].map(([role, count]) => ({
    class: "benign" as const,
    subject: `role ${role}`,
    message: `does not exist here: ${count} of its objects and rights belong to "${user}" or were left out`,
  }));
  return [...roles, ...findings];
}
