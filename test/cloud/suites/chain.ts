/** From a schedule that fires to a proven backup, and what lies in the vault afterwards. */
import { GetObjectRetentionCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../support/processes.ts";
import type { TestCloud } from "../cloud.ts";
import { type Ended, ended, executionsOf, statesOf } from "../executions.ts";
import { vaultBucket } from "../policy.ts";
import { keysIn, readDocument, readObject } from "../vault.ts";

/**
 * The next minute of the policy's schedules, or the one after it, and the emulator's ten seconds.
 */
const scheduleMs = 420_000;

export function chainSuite(cloud: () => TestCloud): void {
  describe("a schedule fires", () => {
    let backup: Ended;
    let restoreTest: Ended;
    let prefix: string;
    beforeAll(async () => {
      backup = await fired(cloud(), "backup", "backup-taskmaster-full-");
      restoreTest = await fired(cloud(), "restore-test", "restore-test-taskmaster-", backup.history.at(-1)?.timestamp);
      prefix = `taskmaster/${(backup.output as { backupId: string }).backupId}/`;
    });

    test("the backup machine plans, dumps, verifies and prunes", () => {
      expect(backup.status).toBe("SUCCEEDED");
      expect(backup.name).toMatch(/^backup-taskmaster-full-\d{8}T\d{4}00Z$/);
      expect(statesOf(backup)).toEqual(expect.arrayContaining(["Plan", "Dump", "Verify", "Prune", "Done"]));
      expect(backup.output).toMatchObject({ source: "taskmaster", outcome: "verified", deleted: 0 });
    });

    test("the restore test proves a backup", () => {
      expect(restoreTest.status).toBe("SUCCEEDED");
      expect(restoreTest.output).toMatchObject({ source: "taskmaster", outcome: "proven", rtoMet: true });
      expect((restoreTest.output as { rows: number }).rows).toBeGreaterThan(400_000);
    });

    test("evidence of both is in the vault", async () => {
      const keys = await keysIn(cloud(), `evidence/${prefix}`);
      const checks = await Promise.all(keys.map((key) => readDocument(cloud(), key)));
      expect(
        keys.some((key) => signedAs("verified").test(key)),
        keys.join(),
      ).toBe(true);
      expect(
        keys.some((key) => signedAs("proven").test(key)),
        keys.join(),
      ).toBe(true);
      expect(JSON.stringify(checks)).toContain("lambda:holdfast-local-prove-taskmaster");
    });

    test("the dump lies sealed in the vault: no plain text, but the key's ARN and the context", async () => {
      const manifest = await readDocument(cloud(), `manifests/${prefix.slice(0, -1)}.json`);
      const keys = await keysIn(cloud(), `artifacts/${prefix}`);
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) {
        const bytes = await readObject(cloud(), key);
        for (const plain of ["PGDMP", "CREATE TABLE", "app.users", "COPY "])
          expect(bytes.includes(plain), `${key}: ${plain}`).toBe(false);
        // The message's header names the key that wrapped its data key, and the context that KMS
        // was given with it.
        const header = bytes.subarray(0, 2_000).toString("latin1");
        expect(header).toMatch(/arn:aws:kms:eu-central-1:\d{12}:key\//);
        expect(header).toContain("holdfast:source");
      }
      expect(JSON.stringify(manifest)).toContain("kms");
    });

    test("what was written is locked for as long as it is kept, and encrypted by the vault's key at rest", async () => {
      const { s3 } = cloud().clients;
      const [key = ""] = await keysIn(cloud(), `artifacts/${prefix}`);
      const { Retention } = await s3.send(new GetObjectRetentionCommand({ Bucket: vaultBucket, Key: key }));
      expect(Retention?.Mode).toBe("GOVERNANCE");
      expect(Retention?.RetainUntilDate?.getTime()).toBeGreaterThan(Date.now() + 5 * 86_400_000);
      const { ServerSideEncryption } = await s3.send(new HeadObjectCommand({ Bucket: vaultBucket, Key: key }));
      expect(ServerSideEncryption).toBe("aws:kms");
    });
  });
}

/** The name of signed evidence: its digest and its signature, in base64url. */
const signedAs = (check: string): RegExp => new RegExp(`-${check}-[\\w-]{43}-[\\w-]{86}\\.json$`);

/**
 * The first execution that the schedule started, after that instant: a restore test fires in vain
 * as long as there is no backup.
 */
async function fired(cloud: TestCloud, machine: string, prefix: string, after = new Date(0)): Promise<Ended> {
  let arn: string | undefined;
  const look = async (): Promise<boolean> => {
    const started = (await executionsOf(cloud, machine, prefix)).filter(({ startDate }) => (startDate ?? after) > after);
    arn = started.at(-1)?.executionArn;
    return arn !== undefined;
  };
  await waitFor(`the schedule ${prefix}`, look, scheduleMs);
  return ended(cloud, arn ?? "");
}
