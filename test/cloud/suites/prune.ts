/**
 * Retention at work: what it releases goes, with everything that belongs to it; the role of `prune`
 * suffices, and is the only one.
 */
import { ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, test } from "vitest";
import type { TestCloud } from "../cloud.ts";
import { type Ended, execute } from "../executions.ts";
import { scratchBucket } from "../policy.ts";
import { keysIn } from "../vault.ts";

/** A signed tombstone: time, digest and signature are in its name. */
const tombstoneOf = (id: string): RegExp => new RegExp(`^tombstones/scratch/${id}-\\d{8}T\\d{9}Z-[\\w-]{43}-[\\w-]{86}\\.json$`);

export function pruneSuite(cloud: () => TestCloud): void {
  describe("a prune", () => {
    let first: string;
    let second: Ended;
    beforeAll(async () => {
      const backUp = () => execute(cloud(), "backup", { source: "scratch", kind: "full" });
      first = ((await backUp()).output as { backupId: string }).backupId;
      second = await backUp();
    });

    test("deletes the backup that the next one replaces, its artifacts and its evidence", async () => {
      const { backupId: newest, deleted } = second.output as { backupId: string; deleted: number };
      expect(deleted).toBe(1);
      expect(await keysIn(cloud(), "manifests/scratch/", scratchBucket)).toEqual([`manifests/scratch/${newest}.json`]);
      const left = await keysIn(cloud(), "", scratchBucket);
      expect(left.filter((key) => key.includes(first))).toEqual([expect.stringMatching(tombstoneOf(first))]);
      expect(left.filter((key) => key.startsWith(`artifacts/scratch/${newest}/`)).length).toBeGreaterThan(0);
    });

    test("deletes its versions too: nothing is paid for twice", async () => {
      const { Versions = [] } = await cloud().clients.s3.send(new ListObjectVersionsCommand({ Bucket: scratchBucket }));
      // A read mark is its reader's, who may delete no versions: the bucket's lifecycle takes
      // those, a day later.
      const ofBackups = Versions.map(({ Key = "" }) => Key).filter((key) => !key.startsWith("leases/"));
      expect(ofBackups.length).toBeGreaterThan(0);
      // What says that retention released it stays.
      expect(ofBackups.filter((key) => key.includes(first))).toEqual([expect.stringMatching(tombstoneOf(first))]);
    });
  });
}
