/** Going through what is released: what a backup that stays means for those that it builds on. */
import { describe, expect, test } from "vitest";
import { amendPlan, walkReleased } from "../../../src/pipeline/prune/walk-released.ts";
import type { RetentionBackup, RetentionPlan } from "../../../src/retention/plan-retention.ts";

const backup = (id: string, parent?: string | null): RetentionBackup =>
  ({ id, ...(parent === undefined ? {} : { parent }) }) as RetentionBackup;
const backups = [backup("a", null), backup("b", "a"), backup("c", "b"), backup("d", "b"), backup("e")];
const plan: RetentionPlan = {
  decisions: [
    { id: "k", kept: true, reasons: ["newest"] },
    ...["e", "d", "c", "b", "a"].map((id) => ({ id, kept: false, reasons: ["released"] })),
  ],
  released: ["e", "d", "c", "b", "a"],
  refusals: [],
  unread: [],
};

async function walk(reasons: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const done = await walkReleased(plan, backups, async (id) => {
    asked.push(id);
    return reasons[id];
  });
  return { asked, deleted: done.deleted, spared: Object.fromEntries(done.spared), amended: amendPlan(plan, done.spared) };
}

describe("what is released", () => {
  test("goes in the order of the plan", async () => {
    const { asked, deleted, spared, amended } = await walk({});
    expect([asked, deleted]).toEqual([plan.released, plan.released]);
    expect(spared).toEqual({});
    expect(amended).toEqual(plan);
  });

  test("stays with what it builds on, which nobody asks for again; others go", async () => {
    const { asked, deleted, spared, amended } = await walk({ c: "held" });
    expect(asked).toEqual(["e", "d", "c"]);
    expect(deleted).toEqual(["e", "d"]);
    expect(spared).toEqual({ c: "held", b: "needed by c", a: "needed by c" });
    expect(amended.released).toEqual(["e", "d"]);
    expect(amended.decisions).toEqual([
      { id: "k", kept: true, reasons: ["newest"] },
      { id: "e", kept: false, reasons: ["released"] },
      { id: "d", kept: false, reasons: ["released"] },
      { id: "c", kept: true, reasons: ["held"] },
      { id: "b", kept: true, reasons: ["needed by c"] },
      { id: "a", kept: true, reasons: ["needed by c"] },
    ]);
  });

  test("says of a base that two need the first, and of one that stays by itself nothing else", async () => {
    expect((await walk({ d: "held", c: "being read" })).spared).toEqual({
      d: "held",
      c: "being read",
      b: "needed by d",
      a: "needed by d",
    });
    expect((await walk({ e: "held", a: "locked" })).spared).toEqual({ e: "held", a: "locked" });
  });

  test("ends where a deletion fails", async () => {
    const asked: string[] = [];
    const failing = walkReleased(plan, backups, async (id) => {
      asked.push(id);
      if (id === "d") throw new Error("the store is away");
      return undefined;
    });
    await expect(failing).rejects.toThrow("the store is away");
    expect(asked).toEqual(["e", "d"]);
  });

  test("changes no reason of what was kept anyway", () => {
    expect(amendPlan(plan, new Map([["k", "held"]]))).toEqual(plan);
  });
});
