/** The keys that open a source's backups, whatever became of the policy since they were sealed. */
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import type { SealingKeys } from "../../sealing/keys.ts";
import type { PipelineContext } from "../pipeline-context.ts";

/**
 * Keys that open with the source's own entry of the policy first, and then with every other: a
 * source may have been given another entry, or have left the policy, since the backup was made; the
 * manifest's key id decides. They seal with the first entry.
 * `openingKeyring` fails as SealingKeys says, in the words of the first entry that says it;
 * KeyUnavailable before KeyMissing, for a key that could not be loaded may be the one. Errors:
 * KeyUnavailable, when the policy names no key.
 */
export async function openingKeysFor(context: PipelineContext, source: string): Promise<SealingKeys> {
  const own = context.policy.sources[source]?.key;
  const names = [...new Set([...(own === undefined ? [] : [own]), ...Object.keys(context.policy.keys)])];
  const [first] = names;
  if (first === undefined) throw new HoldfastError("KeyUnavailable", "the policy names no key");
  return {
    sealingKeyId: async () => (await context.keysOf(first)).sealingKeyId(),
    sealingKeyring: async () => (await context.keysOf(first)).sealingKeyring(),
    async openingKeyring(keyId) {
      const refusals: HoldfastError[] = [];
      for (const name of names) {
        try {
          return await (await context.keysOf(name)).openingKeyring(keyId);
        } catch (error) {
          if (!isHoldfastError(error)) throw error;
          refusals.push(error);
        }
      }
      throw refusals.find((refusal) => isHoldfastError(refusal, "KeyUnavailable")) ?? refusals[0];
    },
  };
}
