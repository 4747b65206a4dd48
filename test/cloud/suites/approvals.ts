/**
 * A restore that replaces a database, with a second person: denied, expired, answered by the one
 * who asked, and approved; with the safety backup, and the audit trail that says all of it.
 */
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listener, listenToAlerts } from "../alerts.ts";
import type { TestCloud } from "../cloud.ts";
import { ended, execute, statesOf } from "../executions.ts";
import { makePeoplesRole, type Person, signIn } from "../people.ts";
import { vaultBucket } from "../policy.ts";

const database = "shop_restored";

export function approvalsSuite(cloud: () => TestCloud): void {
  describe("a restore that replaces a database", () => {
    let listener: Listener;
    let ada: Person;
    let ben: Person;
    let adaApproving: Person;
    const asked = ["restore", "shop-eu@latest", "--to", database, "--swap", "--end-connections", "--reason", "a row is missing"];

    const removals: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      listener = await listenToAlerts(cloud());
      removals.push(await makePeoplesRole(cloud(), "people-who-ask", "RequestersPolicy"));
      removals.push(await makePeoplesRole(cloud(), "people-who-answer", "ApproversPolicy"));
      ada = await signIn(cloud(), "people-who-ask", "ada");
      ben = await signIn(cloud(), "people-who-answer", "ben");
      adaApproving = await signIn(cloud(), "people-who-answer", "ada");
      await cloud().local.postgres.sql("create table made_since (i int)", database);
    });

    afterAll(async () => {
      for (const remove of removals) await remove();
    });

    /** Whether the database is still the one that was there before. */
    const isReplaced = async (): Promise<boolean> =>
      (await cloud().local.postgres.sql("select count(*) from pg_tables where tablename = 'made_since'", database)) === "0";

    /** The newest request that people were told of, which `known` does not have. */
    const known = new Set<string>();
    async function nextRequest(): Promise<string> {
      const idOf = (hint: string): string => / approve ([0-9a-f]{12}) /.exec(hint)?.[1] ?? "";
      const { alert } = await listener.expectTold(
        "the request",
        ({ why }) => why.class === "approval needed" && !known.has(idOf(why.hint)),
      );
      const id = idOf(alert.why.hint);
      known.add(id);
      expect([alert.why.message, ...alert.why.details].join("\n")).toContain(`${ada.arn} asks for overwrite of shop-eu`);
      expect([alert.why.message, ...alert.why.details].join("\n")).toContain("a row is missing");
      return id;
    }

    test("is denied by a second person, and refused to the one who asked", async () => {
      const asking = ada.holdfast(...asked);
      const id = await nextRequest();
      const listed = await ben.holdfast("requests");
      expect(JSON.parse(listed.stdout).vaults.flatMap(({ requests }: { requests: object[] }) => requests)).toMatchObject([
        { id, state: "waiting", by: ada.arn, reason: "a row is missing" },
      ]);
      const own = await adaApproving.holdfast("approve", id, "--reason", "it is mine");
      expect(own.code).toBe(5);
      expect(own.stdout).toContain("ApprovalRefused");
      expect((await ada.holdfast("approve", id, "--reason", "no right to it")).stdout).toContain("StackAccessDenied");
      expect((await ben.holdfast("deny", id, "--reason", "not today")).code).toBe(0);
      const { code, stdout } = await asking;
      expect(code).toBe(5);
      expect(stdout).toContain("ApprovalDenied");
      expect(await isReplaced()).toBe(false);
    });

    test("expires when nobody answers, and says so", async () => {
      const input = {
        source: "shop-eu",
        backup: "latest",
        to: database,
        options: { overwrite: true },
        reason: "a row is missing",
        expiresSeconds: 4,
      };
      const { execution } = await ada.ask(input);
      const run = await ended(cloud(), String(execution));
      expect(run).toMatchObject({ status: "FAILED", error: "ApprovalExpired" });
      const id = await nextRequest();
      const late = await ben.holdfast("approve", id, "--reason", "too late");
      expect(late.code).toBe(5);
      expect(late.stdout).toContain("ApprovalExpired");
      expect(await isReplaced()).toBe(false);
    });

    test("does not take an execution's word for who asks", async () => {
      const run = await execute(cloud(), "restore", {
        source: "shop-eu",
        backup: "latest",
        to: database,
        options: { overwrite: true },
        requestedBy: ada.arn,
        reason: "a row is missing",
      });
      expect(run).toMatchObject({ status: "FAILED", error: "ApprovalRefused" });
      expect(statesOf(run)).not.toContain("WaitForAnswer");
      expect(await isReplaced()).toBe(false);
    });

    test("is approved by another person, backed up first, and compared", async () => {
      const asking = ada.holdfast(...asked);
      const id = await nextRequest();
      expect((await ben.holdfast("approve", id, "--reason", "seen")).code).toBe(0);
      const again = await ben.holdfast("approve", id, "--reason", "once more");
      expect(again.code).toBe(5);
      expect(again.stdout).toMatch(/already|any longer/);
      const { code, stdout } = await asking;
      expect(code, stdout).toBe(0);
      const { output } = JSON.parse(stdout);
      expect(output).toMatchObject({ request: id, approvedBy: ben.arn, safetyBackup: { source: "shop-eu.pre-restore" } });
      expect(output.checks.length).toBeGreaterThanOrEqual(3);
      expect(await isReplaced()).toBe(true);
      const safety = `shop-eu.pre-restore/${output.safetyBackup.backupId}`;
      for (const room of ["manifests", "evidence", "holds"]) expect(await keysBelow(`${room}/${safety}`), room).toHaveLength(1);
      const { alert } = await listener.expectTold(
        "who approved it",
        ({ why }) => why.class === "restore done" && why.message.includes(ben.arn),
      );
      expect(alert.why.message).toContain(ada.arn);
    });

    async function keysBelow(Prefix: string): Promise<readonly string[]> {
      const { Contents = [] } = await cloud().clients.s3.send(new ListObjectsV2Command({ Bucket: vaultBucket, Prefix }));
      return Contents.map(({ Key = "" }) => Key);
    }

    test("is in the audit trail, whose chain holds; and no longer where one entry was altered", async () => {
      const { s3 } = cloud().clients;
      const sound = await ben.holdfast("audit");
      expect(sound.code, sound.stdout).toBe(0);
      const actions = JSON.parse(sound.stdout).vaults.flatMap(({ entries }: { entries: { action: string }[] }) =>
        entries.map(({ action }) => action),
      );
      for (const action of [
        "approval.requested",
        "approval.denied",
        "approval.given",
        "approval.used",
        "restore.begun",
        "restore.done",
      ])
        expect(actions).toContain(action);
      const [Key = ""] = (await keysBelow("audit/")).slice(-3);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: vaultBucket, Key }));
      const altered = (await Body?.transformToString())?.replace('"by":"lambda', '"by":"nobody');
      const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: vaultBucket, Key, Body: altered ?? "" }));
      const broken = await ben.holdfast("audit");
      expect(broken.code).toBe(4);
      expect(broken.stdout).toContain(Key);
      await s3.send(new DeleteObjectCommand({ Bucket: vaultBucket, Key, VersionId }));
      expect((await ben.holdfast("audit")).code).toBe(0);
    });

    test("leaves the task token and credentials in no message, log or output", async () => {
      const told = JSON.stringify(await listener.told());
      expect(told).not.toMatch(/taskToken|AWS4-HMAC|x-amz-security-token/i);
    });
  });
}
