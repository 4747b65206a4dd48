/** The commands that --stack sends to the stack's state machines, loaded when they are called. */
const load = () => import("./commands.ts");

export const onStack = {
  backup: async () => (await load()).backupOnStack,
  restore: async () => (await load()).restoreOnStack,
  restoreTest: async () => (await load()).restoreTestOnStack,
  verify: async () => (await load()).verifyOnStack,
};
