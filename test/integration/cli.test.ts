/** The command line's contract: exit codes, one JSON document, refusals, help, completion. */
import { access, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project } from "../support/holdfast.ts";
import { run } from "../support/processes.ts";

let project: Project;

beforeAll(async () => {
  project = await createProject({ sources: "", majors: [] });
  await project.writePolicy(
    `  config:\n    engine: files\n    path: ${join(import.meta.dirname, "..", "..", "docs")}\n    retention: { keepLast: 1, maxRemoval: 100%, minAge: none }\n`,
  );
  expect((await project.holdfast(["backup", "config"])).code).toBe(0);
});

afterAll(() => project[Symbol.asyncDispose]());

describe("exit codes and errors", () => {
  test.each([
    [["nonsense"], 2, "UsageInvalid"],
    [["list", "--nonsense"], 2, "UsageInvalid"],
    [["backup"], 2, "UsageInvalid"],
    [["backup", "config", "--kind", "weekly"], 2, "UsageInvalid"],
    [["backup", "config", "--kind", "log"], 2, "SourceUnsupported"],
    [["backup", "nobody"], 3, "SourceNotFound"],
    [["show", "20200101T000000Z-full-aaaaaa"], 3, "BackupNotFound"],
    [["show", "config@2001-01-01T00:00:00Z"], 3, "BackupNotFound"],
    [["verify"], 2, "UsageInvalid"],
    [["verify", "--all", "--source", "config"], 2, "UsageInvalid"],
    [["verify", "config@latest", "--accept", "because"], 2, "UsageInvalid"],
    [["list", "--last", "none"], 2, "UsageInvalid"],
    [["completion", "powershell"], 2, "UsageInvalid"],
  ] as const)("%j ends with %i and %s, without a stack trace", async (args, exitCode, name) => {
    const ran = await project.holdfast(args);
    expect(ran.json.error).toMatchObject({ class: name, exitCode });
    expect(ran.json.error.message).toMatch(/^[^A-Z].*[^.]$/s);
    expect(ran.json.error.hint).not.toBe("");
    expect(ran.code).toBe(exitCode);
    expect(ran.stderr).not.toMatch(/^\s+at .*:\d+/m);
  });

  test("a wrong policy is refused with file, line and column, all problems at once", async () => {
    const other = join(project.directory, "wrong.yml");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(other, "version: 1\nvaults:\n  main: folder:x\nsources:\n  a:\n    engin: postgres\n    tier: critcal\n");
    const ran = await run(
      process.execPath,
      [join(import.meta.dirname, "..", "..", "bin", "holdfast.mjs"), "--policy", other, "list"],
      { env: project.env },
    );
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/wrong\.yml:6:5: /);
    expect(ran.stderr).toMatch(/wrong\.yml:7:\d+: .*"critcal".*critical/);
    expect(ran.stdout).toBe("");
  });

  test("a missing policy says how to write one", async () => {
    const ran = await project.say(["--policy", "/nowhere/holdfast.yml", "list"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("holdfast init");
  });
});

describe("commands", () => {
  test("init writes a policy that check understands and a key that only its owner reads, and never overwrites", async () => {
    const policy = join(project.directory, "fresh.yml");
    const key = join(project.directory, "fresh.key");
    const args = [
      "--policy",
      policy,
      "init",
      "--engine",
      "files",
      "--path",
      project.directory,
      "--vault",
      "folder:./fresh",
      "--key",
      key,
    ];
    const made = await project.say(args);
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toContain("keep a copy of the key apart from the vault");
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const before = await readFile(key, "utf8");
    expect((await project.say(args)).code).toBe(2);
    expect(await readFile(key, "utf8")).toBe(before);
    expect((await project.say(["--policy", policy, "check"])).code).toBe(0);
  });

  test("list, show, status, hold, prune and report agree on one backup", async () => {
    const id = (await project.holdfast(["list"])).json.backups[0].id;
    expect((await project.holdfast(["show", id.slice(0, 12)])).json).toMatchObject({ state: "verified", manifest: { id } });
    expect((await project.holdfast(["hold", "add", id, "--reason", "case 7"])).code).toBe(0);
    expect((await project.holdfast(["hold", "list"])).json.holds).toMatchObject([{ backupId: id, reason: "case 7" }]);
    expect((await project.holdfast(["backup", "config"])).code).toBe(0);
    const plan = await project.holdfast(["prune", "--dry-run"]);
    expect(plan.json.sources[0].decisions).toHaveLength(2);
    expect(plan.json.sources[0].released).toEqual([]);
    expect((await project.holdfast(["hold", "remove", id])).code).toBe(0);
    expect((await project.holdfast(["prune", "config"])).json.sources[0].deleted).toEqual([id]);
    expect((await project.holdfast(["show", id])).code).toBe(3);
    const status = await project.holdfast(["status"]);
    expect([0, 1]).toContain(status.code);
    expect(status.json.sources[0].source).toBe("config");
    for (const own of ["main.key", "holdfast.yml", "vault/holdfast.json", "vault/report.html"]) {
      const refused = await project.holdfast(["report", "--out", join(project.directory, own)]);
      expect([refused.code, refused.json.error.class]).toEqual([2, "UsageInvalid"]);
    }
    const out = join(project.directory, "report.html");
    expect((await project.holdfast(["report", "--out", out])).code).toBe(0);
    expect(await readFile(out, "utf8")).toContain("config");
  });

  test("audit prints who held and released what, and ends with 4 once an entry was changed", async () => {
    const id = (await project.holdfast(["list"])).json.backups[0].id;
    await project.holdfast(["hold", "add", id, "--reason", "case 7"]);
    await project.holdfast(["hold", "remove", id]);
    const trail = await project.holdfast(["audit", "config", "--action", "hold", "--last", "2"]);
    expect(trail.code).toBe(0);
    expect(trail.json.vaults).toMatchObject([
      {
        problems: [],
        entries: [
          { action: "hold.added", backupId: id, reason: "case 7" },
          { action: "hold.released", backupId: id },
        ],
      },
    ]);
    const { number } = trail.json.vaults[0].entries[0];
    const entry = join(project.directory, `vault/audit/${String(number).padStart(10, "0")}.json`);
    await writeFile(entry, (await readFile(entry, "utf8")).replace("case 7", "case 8"));
    const broken = await project.say(["audit"]);
    expect(broken.code).toBe(4);
    expect(broken.stdout).toContain("was not signed by any key of the policy");
    expect(broken.stdout).toContain("access log");
  });

  test("export makes a small vault from which the backup verifies", async () => {
    const directory = join(project.directory, "usb");
    expect((await project.holdfast(["export", "config@latest", "--to", directory])).code).toBe(0);
    await access(join(directory, "RESTORE.md"));
    const policy = await readFile(project.policyFile, "utf8");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(project.directory, "usb.yml"), policy.replace("folder:vault", "folder:usb"));
    expect((await project.say(["--policy", join(project.directory, "usb.yml"), "verify", "--all"])).code).toBe(0);
  });

  test("a dry run of a restore says what would happen and touches nothing", async () => {
    const target = join(project.directory, "not-there");
    const plan = await project.holdfast(["restore", "config@latest", "--to", target, "--dry-run"]);
    expect(plan.json).toMatchObject({ dryRun: true, occupied: false });
    expect(plan.json.steps.length).toBeGreaterThan(1);
    await expect(access(target)).rejects.toThrow();
  });

  test("every command has help with an example, and completion knows it", async () => {
    const help = (await project.say(["--help"])).stdout;
    const commands = [...help.matchAll(/^ {2}([a-z-]+) /gm)]
      .map((match) => match[1] ?? "")
      .filter((name) => name !== "help" && !name.startsWith("-"));
    expect(commands.length).toBeGreaterThan(12);
    const completion = (await project.say(["completion", "bash"])).stdout;
    for (const command of commands) {
      const own = await project.say([command, "--help"]);
      expect(own.code).toBe(0);
      expect(own.stdout).toContain("Examples:");
      expect(completion).toContain(command);
    }
  });

  test("colours respect NO_COLOR and pipes", async () => {
    const plain = await project.say(["list"], { NO_COLOR: "1", FORCE_COLOR: undefined });
    expect(plain.stdout).not.toContain("\u001b[");
    const forced = await project.say(["list"], { NO_COLOR: undefined, FORCE_COLOR: "1" });
    expect(forced.stdout).toContain("\u001b[");
  });
});
