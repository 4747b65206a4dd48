/** The files and folders of this machine that a policy names as Holdfast's own. */

import type { ConnectionReference, Policy } from "../policy/policy.ts";
import type { OwnPaths } from "../runtime/run-context.ts";

/**
 * Folder vaults, and the files without which a backup cannot be made or opened: the policy, keys,
 * connections, webhooks.
 */
export function listOwnPaths(policy: Policy): OwnPaths {
  const references: ConnectionReference[] = [
    ...Object.values(policy.sources).flatMap(({ secrets }) => secrets),
    ...Object.values(policy.alerts).flatMap((channels = []) =>
      channels.flatMap((channel) => (channel.type === "slack" ? [channel.webhook] : [])),
    ),
  ];
  references.push(...Object.values(policy.restoreTargets ?? {}));
  const keys = Object.values(policy.keys).flatMap((set) => set.keys);
  return {
    vaults: Object.values(policy.vaults).flatMap((vault) => (vault.type === "folder" ? [vault.path] : [])),
    files: [
      ...(policy.file === undefined ? [] : [policy.file]),
      ...keys.flatMap((key) => (key.type === "file" ? [key.path] : [])),
      ...references.flatMap((reference) => (reference.from === "file" ? [reference.path] : [])),
    ],
  };
}
