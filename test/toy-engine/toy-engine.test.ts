/**
 * An engine that only the tests know: everything that must know an engine knows it, and no file
 * outside its own was touched for that.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { functionRoles } from "../../infra/function-roles.ts";
import { type Alert, finishAlert } from "../../src/alerts/alert.ts";
import { buildProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { errorDocument } from "../../src/errors/error-document.ts";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { writeInstructions } from "../../src/pipeline/export/vault-instructions.ts";
import { knownSecrets, publicNamesOf } from "../../src/pipeline/notify/known-secrets.ts";
import { createPipelineContext, type PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { publishedSchema } from "../../src/policy/json-schema.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { renderReference } from "../../src/policy/reference-page.ts";
import { deploy } from "../infra/deployments.ts";
import { readSteps } from "../support/follow-restore-instructions.ts";
import { run } from "../support/processes.ts";
import { toyEngines } from "./toy-engine.ts";

const engines = toyEngines.policies;

function policyText(token: string, vault = "folder:vault", key = "file:main.key"): string {
  const source = `{ engine: toy, address: /toys/lines, token: ${token}, retention: { daily: 7 }, backup: { full: "0 2 * * *", incremental: "0 * * * *" } }`;
  return `version: 1\nvaults: { main: "${vault}" }\nkeys: { main: "${key}" }\nsources:\n  bear: ${source}\n`;
}

function parse(text: string): Policy {
  return parsePolicy(text, "holdfast.yml", { directory: "/srv", engines });
}

function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    return (error as HoldfastError).details;
  }
}

function contextOf(policy: Policy, environment: Record<string, string>): PipelineContext {
  return createPipelineContext(policy, { environment } as unknown as PipelineContext["run"], "0", toyEngines);
}

describe("a policy", () => {
  it("names the engine, its kinds and its secrets", () => {
    expect(parse(policyText("env:TOY_TOKEN")).sources["bear"]).toMatchObject({
      engine: "toy",
      address: "/toys/lines",
      schedules: { full: "0 2 * * *", incremental: "0 * * * *" },
      secrets: [{ from: "env", name: "TOY_TOKEN" }],
      traits: { kinds: ["full", "incremental", "differential", "log"], reach: "network" },
    });
  });

  it("is told what is wrong in the engine's own words", () => {
    const text = policyText("env:TOY_TOKEN");
    expect(problemsOf(text.replace("engine: toy", "engine: tox"))).toEqual([expect.stringContaining('did you mean "toy"?')]);
    expect(problemsOf(text.replace("engine: toy, ", ""))).toEqual([
      expect.stringContaining("is required: write one of postgres, files, toy"),
    ]);
    expect(problemsOf(text.replace("/toys/lines", "toys"))).toEqual([expect.stringContaining("is not the address of a toy")]);
    expect(problemsOf(text.replace("incremental:", "snapshot:"))).toEqual([
      expect.stringContaining("the toy engine makes no snapshot backups; allowed: full, incremental, differential, log"),
    ]);
    expect(problemsOf(text.replace('full: "0 2 * * *", ', ""))).toEqual([
      expect.stringMatching(/sources\.bear\.backup\.incremental.*build on others.*a schedule for full as well/),
    ]);
    // An engine that is not there hides none of the source's other problems, and adds none.
    expect(problemsOf(text.replace("engine: toy", "engine: bear").replace("daily: 7", "daily: -7"))).toEqual([
      expect.stringContaining("sources.bear.engine"),
      expect.stringContaining("sources.bear.retention.daily"),
    ]);
    const [secret] = problemsOf(policyText("https://user:hunter22@toys"));
    expect(secret).toContain("name where it stands: env:NAME");
    expect(secret).not.toContain("hunter22");
  });

  it("of another Holdfast, without the engine, is refused", () => {
    const built = () => parsePolicy(policyText("env:TOY_TOKEN"), "holdfast.yml");
    expect(built).toThrow(HoldfastError);
  });

  it("is described by the schema and by the reference page", () => {
    const validate = new Ajv2020({ strict: false }).compile(publishedSchema(engines));
    expect(validate(parseYaml(policyText("env:TOY_TOKEN")))).toBe(true);
    expect(validate(parseYaml(policyText("env:TOY_TOKEN").replace("address", "adress")))).toBe(false);
    const page = renderReference(engines);
    expect(page).toContain("### Sources with `engine: toy`");
    expect(page).toContain("| `sources.<name>.address` |");
    expect(page).toContain("| pattern of lines | `line-*` |");
    expect(page).toContain("| `sources.<name>.tier` |");
  });
});

describe("its secrets", () => {
  it("are redacted from alerts, and its name is not", async () => {
    const context = contextOf(parse(policyText("env:TOY_TOKEN")), { TOY_TOKEN: "wind-me-up", TOY_PASSWORD: "tin-soldier" });
    const options = { secrets: await knownSecrets(context), publicNames: publicNamesOf(context.policy) };
    const alert: Alert = {
      kind: "problem",
      severity: "critical",
      what: "toy bear failed with wind-me-up",
      why: errorDocument({
        name: "DumpFailed",
        message: "the toy said tin-soldier",
        hint: "Look at tin-soldier.",
        details: ["wind-me-up"],
      }),
      since: "2026-11-20T02:00:00Z",
      at: "2026-11-20T02:00:00Z",
      nextCommand: "holdfast check",
      dedupeKey: "bear",
      runbook: "docs/alerts.md",
    };
    const text = JSON.stringify(finishAlert(alert, options));
    expect(text).toContain("toy bear failed");
    expect(text).not.toMatch(/wind-me-up|tin-soldier/);
  });

  it("stay out of backups, as files of Holdfast's own", () => {
    const { run } = contextOf(parse(policyText("file:token.txt")), {});
    expect(run.ownPaths?.files).toContain("/srv/token.txt");
  });

  it("may be read by the roles that dump and restore, and by no other", () => {
    const deployment = deploy();
    const text = policyText("secret:toys/token", "s3://acme-backups", "kms:alias/holdfast");
    const policy = { ...parse(text), timezone: deployment.policy.timezone };
    const roles = functionRoles({ ...deployment, policy });
    const mayRead = Object.keys(roles).filter((name) => JSON.stringify(roles[name]).includes("secret:toys/token-??????"));
    expect(mayRead).toEqual(expect.arrayContaining(["DumpBearRole", "RestoreRole"]));
    expect(mayRead.filter((name) => /Prove|Prune|Notify|Watch|Due|Start/.test(name))).toEqual([]);
  });
});

it("a vault's instructions have its chapter, and no artifact may take the names that it writes", async () => {
  const text = await writeInstructions(toyEngines);
  const steps = readSteps(text);
  expect(steps.find(({ title }) => title === "11. Wind it up: toy")?.blocks).toEqual(["cat lines.txt > toy.txt"]);
  expect(text).toContain(", or `cat`.");
  expect(steps.flatMap(({ files }) => files).find(({ name }) => name === "read_manifest.py")?.code).toContain('"toy.txt"');
});

it("the command line's help has its options", () => {
  const program = buildProgram({} as Terminal, { end: () => undefined, help: () => undefined }, toyEngines);
  const helpOf = (name: string): string => program.commands.find((command) => command.name() === name)?.helpInformation() ?? "";
  expect(helpOf("init")).toMatch(/--toy-address <address>\s+toy: where the lines are/);
  expect(helpOf("init")).toMatch(/choices: "postgres",\s+"files", "toy"/);
  expect(helpOf("restore")).toMatch(/--polish\s+toy: polish every line/);
  expect(helpOf("restore").replaceAll(/\s+/g, " ")).toContain("toy: a file");
});

describe("the command line", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-toy-"));
    await writeFile(join(directory, "lines"), "one\ntwo\nthree\n");
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function holdfast(...args: readonly string[]) {
    const script = fileURLToPath(new URL("holdfast.ts", import.meta.url));
    const env = { ...process.env, TOY_TOKEN: "wind-me-up", HOLDFAST_POLICY: join(directory, "holdfast.yml") };
    const ran = await run(process.execPath, [script, ...args, "--json"], { cwd: directory, env });
    return { code: ran.code, json: JSON.parse(ran.stdout), text: ran.stdout + ran.stderr };
  }

  it("begins a policy, checks, backs up, proves and restores", async () => {
    const begin = ["init", "--engine", "toy", "--source", "bear", "--key", join(directory, "main.key")];
    const without = await holdfast(...begin);
    expect(without).toMatchObject({ code: 2, json: { error: { message: expect.stringContaining("--toy-address <address>") } } });
    expect(await holdfast(...begin, "--toy-address", join(directory, "lines"))).toMatchObject({ code: 0 });
    const checked = await holdfast("check");
    expect(checked.json.findings).toContainEqual(
      expect.objectContaining({ about: "source bear", message: expect.stringMatching(/has 3 lines$/) }),
    );
    const made = await holdfast("backup", "bear");
    expect(made).toMatchObject({ code: 0, json: { state: "verified", rows: 3 } });
    expect(await holdfast("restore-test", "bear")).toMatchObject({ code: 0 });
    const shown = await holdfast("show", "bear@latest");
    expect(shown.json).toMatchObject({ state: "proven", manifest: { engine: "toy", facts: { lines: 3 } } });
    const target = join(directory, "restored");
    expect(await holdfast("restore", "bear@latest", "--to", target, "--roles")).toMatchObject({ code: 2 });
    const dry = await holdfast("restore", "bear@latest", "--to", target, "--polish", "--dry-run");
    expect(dry.json.steps).toEqual(["write the lines, polished"]);
    expect(await holdfast("restore", "bear@latest", "--to", target)).toMatchObject({ code: 0, json: { intact: true } });
    expect(await readFile(target, "utf8")).toBe("one\ntwo\nthree\n");
    expect(await readFile(join(directory, "vault", "RESTORE.md"), "utf8")).toContain("Wind it up: toy");
    expect(made.text + shown.text + checked.text).not.toContain("wind-me-up");
  });

  it("backs up logs, and restores to an instant that the last of them has", async () => {
    const lines = join(directory, "lines");
    const [one, two, three] = ["2026-01-10T00:01:00.000Z one", "2026-01-10T00:02:00.000Z two", "2026-01-10T00:03:00.000Z three"];
    await writeFile(lines, `${one}\n`);
    const full = await holdfast("backup", "bear", "--kind", "full");
    await writeFile(lines, `${one}\n${two}\n${three}\n`);
    const log = await holdfast("backup", "bear", "--kind", "log");
    expect(log).toMatchObject({ code: 0, json: { state: "verified", kind: "log" } });
    const listed = await holdfast("list", "bear", "--last", "2");
    expect(listed.json.backups).toMatchObject([
      { id: full.json.backupId, state: "verified" },
      { id: log.json.backupId, state: "verified" },
    ]);
    const target = join(directory, "until");
    const restore = (...more: readonly string[]) => holdfast("restore", log.json.backupId, "--to", target, ...more);
    expect(await restore("--until", "2026-01-10T00:02:30Z", "--dry-run")).toMatchObject({
      code: 0,
      json: { steps: ["read 2 backups, one after the other", "stop at 2026-01-10T00:02:30.000Z", "write the lines"] },
    });
    expect(await restore("--until", "2026-01-10T00:02:30Z")).toMatchObject({ code: 0, json: { intact: true } });
    expect(await readFile(target, "utf8")).toBe(`${one}\n${two}\n`);
    const outside = await restore("--until", "2026-01-10T00:00:30Z");
    expect(outside).toMatchObject({ code: 2, json: { error: { message: expect.stringContaining("it has what happened from") } } });
  });
});
