/**
 * Before the integration tests: every server and tool they need is there, or the run fails here and
 * says what to install.
 */
import { ensureBubblewrap } from "../../scripts/bubblewrap.ts";
import { ensureIcuPostgres } from "../../scripts/debian-postgres.ts";
import { ensureMiniStack } from "../../scripts/ministack.ts";
import { ensurePostgres, postgresMajors } from "../../scripts/postgres-binaries.ts";
import { provideRestoreTools } from "../../scripts/restore-tools.ts";

export async function setup(): Promise<void> {
  for (const major of postgresMajors) await ensurePostgres(major);
  ensureIcuPostgres();
  ensureBubblewrap();
  ensureMiniStack();
  provideRestoreTools();
}
