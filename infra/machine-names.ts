/** The state machines: the files of statemachines/. */
export const machineNames = ["backup", "restore-test", "restore", "verify", "fleet"] as const;
export type MachineName = (typeof machineNames)[number];
