/** The commands that --stack sends to the stack's state machines, loaded when they are called. */
const load = () => import("./commands.ts");

const loadApprovals = () => import("./approvals.ts");

export const onStack = {
  approve: async () => (await loadApprovals()).approveOnStack,
  deny: async () => (await loadApprovals()).denyOnStack,
  backup: async () => (await load()).backupOnStack,
  restore: async () => (await load()).restoreOnStack,
  restoreTest: async () => (await load()).restoreTestOnStack,
  verify: async () => (await load()).verifyOnStack,
};
