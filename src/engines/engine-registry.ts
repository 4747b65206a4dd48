/**
 * The engines of a run: what policies may name (src/policy/engines.ts), and the module that does
 * the work of each.
 */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type EnginePolicies, findEngine } from "../policy/engine-policy.ts";
import { enginePolicies } from "../policy/engines.ts";
import type { Engine } from "./engine.ts";

export interface EngineRegistry {
  readonly policies: EnginePolicies;
  /**
   * The engine of that name, loaded when it is first asked for. Errors: SourceUnsupported, for a
   * name that is not among `policies`.
   */
  load(name: string): Promise<Engine>;
}

/**
 * A registry of these engines; `importEngine` is never asked for a name that no policy may name: a
 * manifest could hold any.
 */
export function createEngineRegistry(
  policies: EnginePolicies,
  importEngine: (name: string) => Promise<Engine> = importByName,
): EngineRegistry {
  return {
    policies,
    async load(name) {
      if (findEngine(policies, name) !== undefined) return importEngine(name);
      throw new HoldfastError("SourceUnsupported", `this version of Holdfast has no engine "${name}"`, {
        hint: "Upgrade Holdfast to the version that made the backup, or a later one.",
      });
    },
  };
}

/**
 * Every engine's folder has an engine.ts that exports `engine` (docs/adr/0026). Bundlers follow the
 * pattern, for all that it may mean.
 */
export async function importByName(name: string): Promise<Engine> {
  const { engine } = (await import(`./${name}/engine.ts`)) as { readonly engine: Engine };
  return engine;
}

/** All engines of this version. */
export const builtInEngines: EngineRegistry = createEngineRegistry(enginePolicies);
