import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { defineStep, runStep } from "../../functions/commons/step.ts";
import { handler as dump } from "../../functions/dump.ts";
import { handler as plan } from "../../functions/plan.ts";
import { handler as prove } from "../../functions/prove.ts";
import { handler as prune } from "../../functions/prune.ts";
import { handler as record } from "../../functions/record.ts";
import { handler as restore } from "../../functions/restore.ts";
import { catalogue } from "../../src/errors/catalogue.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { readEvent } from "../statemachines/machines.ts";
import { partOf } from "../support/files-project.ts";
import { hostileTargets } from "./hostile-targets.ts";
import { createFunctionsProject, type FunctionsProject, invoke, lambdaContext } from "./invoke.ts";

// Powertools reads these when its modules are loaded; with the first it writes to the console that
// the test can see.
vi.hoisted(() => {
  Object.assign(process.env, {
    POWERTOOLS_DEV: "true",
    POWERTOOLS_METRICS_DISABLED: "false",
    POWERTOOLS_SERVICE_NAME: "holdfast",
    POWERTOOLS_METRICS_NAMESPACE: "Holdfast",
  });
});

let project: FunctionsProject;
const home = process.cwd();
/** What went to the console: logs and metrics, one JSON document a line. */
let lines: string[];

beforeEach(async () => {
  lines = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void lines.push(words.join(" ")));
  }
  project = await createFunctionsProject();
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.chdir(home);
  await project[Symbol.asyncDispose]();
});

/** The sample event with the names of this test's source and backup. */
function sample(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...readEvent("functions", name), source: "tree", ...more };
}

const keysOf = (value: object): string[] => Object.keys(value).toSorted();

async function backUp(): Promise<string> {
  return String((await invoke(dump, sample("dump")))["backupId"]);
}

/** As the machines do: what was found is recorded by another function. */
async function verify(backupId: string): Promise<void> {
  await invoke(prove, sample("prove", { backupId }));
  await invoke(record, sample("record", { backupId }));
}

const evidenceOf = (backupId: string): Promise<string[]> =>
  readdir(join(project.directory, "vault", "evidence", "tree", backupId)).catch(() => []);

const roles = "arn:aws:iam::123456789012:role/holdfast-test/eu-central-1";

describe("the chain of a backup", () => {
  it("gives, step by step, results of the form that events/results/ shows", async () => {
    const planned = await invoke(plan, sample("plan"));
    const dumped = await invoke(dump, sample("dump"));
    const verified = await invoke(prove, sample("prove", { backupId: dumped["backupId"] }));
    const recorded = await invoke(record, sample("record", { backupId: dumped["backupId"] }));
    const pruned = await invoke(prune, sample("prune"));
    const tested = await invoke(prove, sample("prove", { step: "restore-test", backupId: dumped["backupId"] }));
    const results = { plan: planned, dump: dumped, prove: verified, record: recorded, prune: pruned, "prove-restoring": tested };
    for (const [name, result] of Object.entries(results)) expect(keysOf(result), name).toEqual(keysOf(readEvent("results", name)));
    expect(planned).toMatchObject({
      runner: "lambda",
      dumpFunction: "holdfast-test-dump-tree",
      proveFunction: "holdfast-test-prove-tree",
      dumpRole: `${roles}/dump/holdfast-test-eu-central-1-dump-tree`,
      proveRole: `${roles}/prove/holdfast-test-eu-central-1-prove-tree`,
    });
    expect(verified["outcome"]).toBe("verified");
    expect(tested["outcome"]).toBe("proven");
  });

  it("prunes what retention releases, once there is something newer that verified", async () => {
    const first = await backUp();
    await verify(first);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // Ids are of a second.
    const second = await backUp();
    await verify(second);
    expect(await invoke(prune, sample("prune"))).toMatchObject({ deleted: 1, kept: 1 });
  });

  it("finds nothing to prune before the first backup, quietly; a vault that has lost its holdfast.json is damaged", async () => {
    expect(await invoke(prune, sample("prune"))).toEqual({ source: "tree", deleted: 0, kept: 0, sweptObjects: 0 });
    expect(lines.join("\n")).not.toMatch(/"ERROR"|VaultNotFound/);
    await backUp();
    await rm(join(project.directory, "vault", "holdfast.json"));
    await expect(invoke(prune, sample("prune"))).rejects.toMatchObject({ name: "VaultDamaged" });
  });

  it("plans a restore test of the newest backup by its id", async () => {
    const id = await backUp();
    const planned = await invoke(plan, { step: "restore-test", source: "tree", backup: "latest" });
    expect(planned).toMatchObject({ backupId: id, runner: "lambda", proveFunction: "holdfast-test-prove-tree" });
    expect(keysOf(planned)).toEqual(keysOf(readEvent("results", "plan-restore-test")));
    const restoring = await invoke(plan, { step: "restore", source: "tree", backup: "latest" });
    expect(keysOf(restoring)).toEqual(keysOf(readEvent("results", "plan-restore")));
  });

  it("restores to a new place", async () => {
    const id = await backUp();
    process.chdir(project.directory);
    const restored = await invoke(restore, sample("restore", { backupId: id, to: "restored" }));
    expect(keysOf(restored)).toEqual(keysOf(readEvent("results", "restore")));
    expect(await readdir(join(project.directory, "restored"))).toContain("file");
  });

  it.each(hostileTargets)("restores to a plain name only, not to %j, and does not repeat it", async (to) => {
    const error = await invoke(restore, sample("restore", { backupId: "20261121T020000Z-full-7k3f9a", to })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: "UsageInvalid", message: expect.stringContaining("restoreTargets") });
    if (to.length > 6) expect(String(error)).not.toContain(to);
    expect(String(error)).not.toContain("hunter2");
  });

  it("never restores over what is there, and has no word to ask for it", async () => {
    const id = await backUp();
    process.chdir(project.directory);
    const to = "tree";
    await expect(invoke(restore, sample("restore", { backupId: id, to }))).rejects.toMatchObject({ name: "RestoreRefused" });
    await expect(invoke(restore, sample("restore", { backupId: id, to, overwrite: true }))).rejects.toMatchObject({
      name: "UsageInvalid",
    });
  });
});

describe("what was found", () => {
  const execution = (name: string) => `arn:aws:states:eu-central-1:123456789012:execution:holdfast-dev-backup:${name}`;

  it("is in the vault only once `record` has written it, and once", async () => {
    const backupId = await backUp();
    await invoke(prove, sample("prove", { backupId }));
    expect(await evidenceOf(backupId)).toEqual([]);
    expect(await invoke(record, sample("record", { backupId }))).toMatchObject({ recorded: 1 });
    expect(await evidenceOf(backupId)).toEqual([expect.stringContaining("-verified")]);
    expect(await invoke(record, sample("record", { backupId, atLeast: 0 }))).toMatchObject({ recorded: 0 });
  });

  it("is damage, too: the step fails, and leaves what it found", async () => {
    const backupId = await backUp();
    await writeFile(join(project.directory, "vault", "artifacts", "tree", backupId, "manifest"), "not what was written");
    await expect(invoke(prove, sample("prove", { backupId }))).rejects.toMatchObject({ name: "BackupDamaged" });
    expect(await invoke(record, sample("record", { backupId, atLeast: 0 }))).toMatchObject({ recorded: 1 });
    expect(await evidenceOf(backupId)).toEqual([expect.stringContaining("-damaged")]);
  });

  it("by another execution, or of another backup, is not recorded by this one", async () => {
    const backupId = await backUp();
    await invoke(prove, sample("prove", { backupId, execution: execution("other") }));
    const missing = invoke(record, sample("record", { backupId, execution: execution("own") }));
    await expect(missing).rejects.toMatchObject({ name: "EvidenceInvalid", message: expect.stringContaining("nothing was found") });
    expect(await evidenceOf(backupId)).toEqual([]);
  });
});

describe("a connection over a network", () => {
  it.each(["disable", "allow", "prefer", ""])(
    "is refused before it is made where sslmode %j does not force encryption",
    async (mode) => {
      process.env["REMOTE_DB_URL"] = `postgresql://holdfast:hunter2@db.example.com/shop${mode === "" ? "" : `?sslmode=${mode}`}`;
      await project.addSource("remote: { engine: postgres, connection: env:REMOTE_DB_URL, retention: { daily: 7 } }");
      const error = await invoke(dump, { ...sample("dump"), source: "remote" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "SourceAccessDenied", message: expect.stringContaining("does not force encryption") });
      expect(String(error)).not.toContain("hunter2");
    },
  );
});

describe("an error", () => {
  it("carries the catalogue's name, which is what state machines match, in its name and in its stack", async () => {
    const failing = invoke(prove, sample("prove"));
    await expect(failing).rejects.toMatchObject({ name: "VaultNotFound", stack: expect.stringMatching(/^VaultNotFound: /) });
  });

  it("is what a damaged backup is, for a result could be passed over", async () => {
    const id = await backUp();
    const artifacts = join(project.directory, "vault", "artifacts", "tree", id);
    await writeFile(join(artifacts, partOf(id)), "not what was written");
    await expect(invoke(prove, sample("prove", { backupId: id }))).rejects.toMatchObject({
      name: "BackupDamaged",
      message: expect.stringContaining("Artifact"),
    });
  });

  it("names what is wrong with an input, and the sample to write it like", async () => {
    await expect(invoke(dump, { source: "tree", kind: "fulll", also: 1 })).rejects.toMatchObject({
      name: "UsageInvalid",
      message: expect.stringMatching(/kind: .*event: .*also/),
    });
  });

  it("is what a function answers that is asked for another source than its own", async () => {
    const backupId = await backUp();
    vi.stubEnv("HOLDFAST_SOURCE", "other");
    await expect(invoke(dump, sample("dump"))).rejects.toMatchObject({ name: "UsageInvalid" });
    for (const step of ["verify", "restore-test"]) {
      await expect(invoke(prove, sample("prove", { step, backupId }))).rejects.toMatchObject({
        name: "UsageInvalid",
        message: expect.stringContaining(String.raw`\"other\", not \"tree\"`),
      });
    }
    vi.unstubAllEnvs();
  });

  it("is DeadlineReached before the function's own end, and leaves neither a lease nor files behind", async () => {
    await expect(invoke(dump, sample("dump"), lambdaContext(1))).rejects.toMatchObject({ name: "DeadlineReached" });
    expect(await project.leftovers()).toEqual([]);
    await backUp();
  });

  it("is counted as a metric and logged with its code", async () => {
    await expect(invoke(dump, sample("dump", { source: "gone" }))).rejects.toMatchObject({ name: "SourceNotFound" });
    const documents = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents.some((each) => each["level"] === "ERROR" && each["code"] === "HF303")).toBe(true);
    expect(documents.map((each) => each["StepErrors"])).toContain(1);
  });
});

describe("what is left behind", () => {
  it("is nothing in the temporary directory", async () => {
    await backUp();
    expect(await project.leftovers()).toEqual([]);
  });

  it("by a run that was killed goes at the next cold or warm start, and that of a living one stays", async () => {
    const gone = spawnSync("true").pid;
    const names = [`hf-${gone}-AbC123`, `hf-${process.pid}-AbC123`, `hf-${process.ppid}-AbC123`, "somebody-elses"];
    for (const name of names) {
      await mkdir(join(project.temporary, name));
      await writeFile(join(project.temporary, name, "data"), "x", { mode: 0o400 });
    }
    await backUp();
    expect(await project.leftovers()).toEqual([`hf-${process.ppid}-AbC123`, "somebody-elses"]);
  });
});

describe("the log", () => {
  const planted = "pl4nted-s3cret";

  it("names the request, the function and the step, and holds no secret, whatever fails", async () => {
    vi.stubEnv("DB_URL", `postgres://holdfast:${planted}@127.0.0.1:9/shop`);
    await project.addSource("shop: { engine: postgres, connection: env:DB_URL, retention: { keepLast: 1 } }");
    const failing = invoke(dump, sample("dump", { source: "shop" }));
    const error = await failing.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    vi.unstubAllEnvs();
    expect(error?.name).toBe("SourceUnreachable");
    expect(`${error?.message} ${error?.stack}`).not.toContain(planted);
    expect(lines.join("\n")).not.toContain(planted);
    expect(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).toContainEqual(
      expect.objectContaining({
        level: "ERROR",
        error: "SourceUnreachable",
        step: "dump",
        source: "shop",
        function_request_id: "request-1",
      }),
    );
  });

  it("and an error lose what looks like a secret, should a tool ever say one", async () => {
    const step = defineStep({
      name: "careless",
      input: z.strictObject({}),
      run: () =>
        Promise.reject(
          new HoldfastError("DumpFailed", `no route to postgres://u:${planted}@host/db`, { details: [`PGPASSWORD=${planted}`] }),
        ),
    });
    const error = await runStep(step, {}, { identity: "test" }).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({
      name: "DumpFailed",
      message: expect.stringContaining('[redacted]@host/db"'),
    });
    expect(JSON.parse((error as Error).message)).toMatchObject({
      details: ["PGPASSWORD=[redacted]"],
      hint: catalogue.DumpFailed.hint,
    });
    expect(lines.join("\n")).toContain("[redacted]@host/db");
    expect(lines.join("\n")).not.toContain(planted);
  });

  it("tells of a run by its ids and figures, and not by those of the run before", async () => {
    const backupId = await backUp();
    await invoke(prove, sample("prove", { backupId }));
    await expect(invoke(dump, {})).rejects.toThrow();
    const documents = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents).toContainEqual(
      expect.objectContaining({
        message: "done",
        step: "prove",
        source: "tree",
        backupId,
        result: expect.objectContaining({ rows: 1 }),
      }),
    );
    const refused = documents.find(({ level }) => level === "ERROR");
    expect(refused).toMatchObject({ step: "dump", error: "UsageInvalid" });
    expect(Object.keys(refused ?? {})).not.toContain("backupId");
  });

  it("holds no event and no key", async () => {
    await backUp();
    expect(lines.join("\n")).not.toMatch(/main\.key|"event":/);
  });
});

describe("metrics", () => {
  const emf = (): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((each) => "_aws" in each);

  it("of a step carry its source, in the namespace that was deployed", async () => {
    const backupId = await backUp();
    await invoke(prove, sample("prove", { step: "restore-test", backupId }));
    const own = emf().filter((each) => each["source"] === "tree");
    expect(own.map((each) => keysOf(each).filter((name) => /^[A-Z]/.test(name)))).toEqual([
      ["BackupBytes", "BackupDuration", "BackupThroughput"],
      ["RestoreSeconds"],
    ]);
    expect(own[0]).toMatchObject({
      service: "holdfast",
      _aws: { CloudWatchMetrics: [{ Namespace: "Holdfast", Dimensions: [["service", "source"]] }] },
    });
    expect(own[0]?.["BackupThroughput"]).toBeCloseTo(
      Number(own[0]?.["BackupBytes"]) / (Number(own[0]?.["BackupDuration"]) / 1000),
      3,
    );
  });

  it("count a failed attempt for its source alone, not for the next one's", async () => {
    await expect(invoke(dump, sample("dump", { source: "gone" }))).rejects.toThrow();
    await expect(invoke(dump, { source: 7 })).rejects.toThrow();
    expect(
      emf()
        .filter((each) => "StepErrors" in each)
        .map((each) => [each["source"], each["StepErrors"]]),
    ).toEqual([
      ["gone", 1],
      [undefined, 1],
    ]);
  });
});
