/**
 * The machines of a stack whose vault belongs to another account: that account's own stack prunes
 * (ADR 0044), and here nothing is deleted.
 */
import type { Definition } from "./asl.ts";

/** The same machine; where it would prune, it goes on. */
export function withoutPruning(definition: Definition): Definition {
  const { Prune, ...states } = definition.states;
  if (Prune === undefined) return definition;
  const passed = {
    Comment: "The vault's own account prunes",
    Type: "Pass",
    Assign: { pruned: { deleted: 0 } },
    Next: Prune.Next as string,
  } as const;
  return { ...definition, states: { ...states, Prune: passed } };
}
