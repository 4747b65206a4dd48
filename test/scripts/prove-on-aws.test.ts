/** What `npm run prove-on-aws` would do, and how it goes on when something is otherwise. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { policyText } from "../../scripts/prove-on-aws/policy-text.ts";
import type { Command, Proof, ProofStep } from "../../scripts/prove-on-aws/proof-step.ts";
import { removalSteps } from "../../scripts/prove-on-aws/removal.ts";
import { describeSteps, type ProofRun, runSteps, shown } from "../../scripts/prove-on-aws/run-proof.ts";
import { proofSteps } from "../../scripts/prove-on-aws/steps.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { pages } from "../docs/pages.ts";
import { deploy } from "../infra/deployments.ts";

const proof: Proof = {
  stage: "proof",
  region: "eu-central-1",
  connection: undefined,
  parameters: ["layer=holdfast-tools-arm64.zip"],
  unique: "0a1b2c3d",
  directory: ".prove-on-aws",
};
const proving = proofSteps(proof);
const removing = removalSteps(proof);
const all = [...proving, ...removing];

describe("the proof", () => {
  it("has a policy that can be deployed, whose vault can be removed when all is over", () => {
    const text = policyText(proof);
    const policy = parsePolicy(text, "holdfast.yml", { directory: "/", home: "/" });
    expect(Object.values(policy.vaults)).toMatchObject([{ type: "s3", bucket: "holdfast-proof-0a1b2c3d" }]);
    expect(JSON.stringify(policy.vaults)).not.toContain("governance");
    expect(() => deploy(text, { events: "own" })).not.toThrow();
  });

  it("uses no value that no command before has printed", () => {
    const known = new Set<string>();
    for (const { title, commands } of all) {
      for (const { run, writes, saves = {} } of commands) {
        const used = [...run, writes?.text ?? ""].flatMap((text) => [...text.matchAll(/\{([a-zA-Z]+)\}/g)].map(([, name]) => name));
        for (const name of used) expect(known, `${title}: ${shown(run)}`).toContain(name);
        for (const name of Object.keys(saves)) known.add(name);
      }
    }
  });

  it("deploys, proves, breaks in three ways, hears of each, restores, and removes what it made", () => {
    const commands = all.flatMap((step) => step.commands.map(({ run }) => shown(run))).join("\n");
    for (const part of [
      "osls preflight",
      "osls deploy",
      "backup shop",
      "restore-test shop",
      "delete-object",
      "stop-execution",
      "restore shop@",
    ])
      expect(commands).toContain(part);
    expect(proving.filter((step) => step.commands.some(({ run }) => run.includes("receive-message"))).length).toBe(5);
    for (const made of ["create-db-instance", "create-security-group", "create-secret", "create-queue"])
      expect(commands, made).toContain(made.replace("create", "delete"));
  });

  it("writes no password into a command", () => {
    expect(describeSteps(all).join("\n")).not.toMatch(/password[= ](?!of)/i);
  });

  it("stands in the guide, step by step", () => {
    const guide = pages.find(({ path }) => path === "docs/prove-on-aws.md")?.text ?? "";
    for (const { title } of all) expect(guide, title).toContain(title);
  });
});

describe("running it", () => {
  let cwd: string;
  let said: string[];
  let run: ProofRun;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "hf-proof-"));
    said = [];
    run = { cwd, directory: "own", environment: process.env, say: (line) => said.push(line), pauseMs: 1 };
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  const node = (script: string, more: Partial<Command> = {}): Command => ({ run: [process.execPath, "-e", script], ...more });
  const step = (...commands: Command[]): ProofStep => ({ title: "a step", minutes: 1, commands });
  const runOf = (...commands: Command[]) => runSteps([step(...commands)], run, new Map());

  it("hands on what a command printed", async () => {
    const values = new Map<string, string>();
    const first = node("console.log('id: abc')", { saves: { id: /id: (\w+)/ } });
    await runSteps([step(first, node("if ('{id}' !== 'abc') process.exit(1)"))], run, values);
    expect(values.get("id")).toBe("abc");
  });

  it("stops where a command ends otherwise, prints otherwise, or cannot be started", async () => {
    await expect(runOf(node("process.exit(3)"))).rejects.toThrow("ended with 3 instead of 0");
    await expect(runOf(node("", { exits: [4] }))).rejects.toThrow("ended with 0 instead of 4");
    await expect(runOf(node("console.log('verified')", { prints: [/proven/] }))).rejects.toThrow("did not print proven");
    await expect(runOf(node("", { saves: { id: /id: (\w+)/ } }))).rejects.toThrow("did not print id");
    await expect(runOf({ run: [join(cwd, "nothing")] })).rejects.toThrow("cannot be started");
  });

  it("asks again for as long as the command says", async () => {
    const count = "const fs = require('fs'); fs.appendFileSync('count', 'x'); console.log(fs.readFileSync('count', 'utf8'))";
    await runOf(node(count, { prints: [/xxx/], forMinutes: 10 }));
    expect(readFileSync(join(cwd, "count"), "utf8")).toBe("xxx");
  });

  it("is content in a removal with what is gone, and with nothing else", async () => {
    const gone = { goneWhen: /NotFound/ };
    await runOf(node("console.error('ResourceNotFound'); process.exit(254)", gone));
    const absent = node("console.error('NotFound'); process.exit(254)", { ...gone, saves: { left: /left (\w+)/ } });
    await runOf(absent, { run: [process.execPath, "-e", "process.exit(1)", "{left}"], ...gone });
    await expect(runOf(node("console.error('AccessDenied'); process.exit(254)", gone))).rejects.toThrow("AccessDenied");
  });

  it("writes a file for its user alone", async () => {
    await runOf(node("process.exit(require('fs').statSync('own/f').mode & 0o077)", { writes: { file: "f", text: "x" } }));
  });
});
