/** All machines. */
import type { MachineName } from "../../infra/machine-names.ts";
import type { Definition } from "../asl.ts";
import { backup } from "./backup.ts";
import { fleet } from "./fleet.ts";
import { restore } from "./restore.ts";
import { restoreTest } from "./restore-test.ts";
import { verify } from "./verify.ts";

export const definitions: Readonly<Record<MachineName, Definition>> = {
  backup,
  "restore-test": restoreTest,
  restore,
  verify,
  fleet,
};
