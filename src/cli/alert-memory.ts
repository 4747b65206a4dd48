/**
 * Where this machine keeps in mind which alerts of `status --alert` were sent: beside no vault, for
 * an unreachable vault is worth an alert.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { openStore } from "../vault/open-store.ts";
import type { PolicySource } from "./policy-source.ts";
import { stateDirectory } from "./state-directory.ts";

/** A folder of this user and this policy. */
export function openAlertMemory(
  policySource: PolicySource,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ObjectStore> {
  const policy = "stack" in policySource ? `stack ${policySource.stack}` : resolve(policySource.file);
  const name = createHash("sha256").update(policy).digest("hex").slice(0, 16);
  return openStore({ name: "alerts", type: "folder", path: join(stateDirectory(environment), name) }, { clock: systemClock });
}
