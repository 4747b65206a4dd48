/**
 * The tools' image, as far as it can be judged without building it: the linter, and what its parts
 * say of each other.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDeployment } from "../../../infra/deployment.ts";
import { functionSpecs } from "../../../infra/functions.ts";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { ensureHadolint } from "../../../scripts/hadolint.ts";
import { supportedMajors } from "../../../src/engines/postgres/tools.ts";

const read = (file: string): string => readFileSync(join(projectDirectory, file), "utf8");
const dockerfile = read("Dockerfile");
/** Instructions, continued lines joined, without comments. */
const instructions = dockerfile
  .split("\n")
  .filter((line) => !line.startsWith("#") && line.trim() !== "")
  .join("\n")
  .replaceAll(/\\\n\s*/g, "")
  .split("\n");
const of = (word: string): string[] =>
  instructions.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
const copies = of("COPY").map((line) => line.split(" ").filter((part) => part !== ""));
/** What is copied from the project, not from another stage. */
const contextCopies = copies.filter(([first]) => first?.startsWith("--from=") === false).flatMap((parts) => parts.slice(0, -1));
const majors = Array.from(
  { length: supportedMajors.newest - supportedMajors.oldest + 1 },
  (_, index) => supportedMajors.oldest + index,
);
const bundled = of("RUN")
  .flatMap((line) => line.split("bundle-functions.ts /bundles ")[1] ?? [])
  .flatMap((names) => names.trim().split(" "));

describe("the Dockerfile", () => {
  it("passes hadolint", () => {
    const { status, stdout, stderr } = spawnSync(ensureHadolint(), ["--no-color", "--failure-threshold", "style", "-"], {
      input: dockerfile,
      encoding: "utf8",
    });
    expect({ status, words: stdout + stderr }).toEqual({ status: 0, words: "" });
  });

  it("is really judged: what hadolint knows for bad does not pass", () => {
    const bad = `${dockerfile}\nRUN cd /tmp && curl http://example.com | sh\n`;
    const { status, stdout } = spawnSync(ensureHadolint(), ["--no-color", "-"], { input: bad, encoding: "utf8" });
    expect(status).toBe(1);
    expect(stdout).toContain("DL4006");
  });

  it("copies what exists, and only what .dockerignore lets in", () => {
    const allowed = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    expect(contextCopies.length).toBeGreaterThan(5);
    for (const source of contextCopies) {
      expect(existsSync(join(projectDirectory, source)), source).toBe(true);
      // A directory such as infra/ is not let in whole.
      expect(
        allowed.some((entry) => entry === source || source.startsWith(`${entry}/`)),
        source,
      ).toBe(true);
    }
    expect(allowed.toSorted()).toEqual([...new Set(contextCopies)].toSorted());
    expect(read(".dockerignore").split("\n")).toContain("*");
  });

  it("has the programs of every supported major, where the engine looks for them", () => {
    const copied = copies.filter(([from]) => from === "--from=postgres").map(([, source]) => source);
    expect(copied).toEqual([...majors.map((major) => `/usr/pgsql-${major}`), "/usr/pgsql-libraries"]);
    // Extensions are compiled after the majors that they are compiled for, and before they are
    // copied.
    expect(of("RUN").filter((line) => line.startsWith("/build/build-"))).toEqual([
      "/build/build-postgres.sh /build/postgres.sha256",
      "/build/build-extensions.sh /build/extensions.list",
    ]);
    const built = [...read("infra/image/postgres.sha256").matchAll(/^[0-9a-f]{64} {2}postgresql-(\d+)\.\d+\.tar\.bz2$/gm)];
    expect(built.map(([, major]) => Number(major))).toEqual(majors);
    expect(read("infra/image/postgres.sha256").trimEnd().split("\n")).toHaveLength(majors.length);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source code.
    expect(read("src/engines/postgres/tools.ts")).toContain("`/usr/pgsql-${major}/bin`");
  });

  it("installs nothing into Lambda's base that conflicts with what it has: its OpenSSL is openssl-snapsafe-libs", () => {
    const stages = instructions
      .join("\n")
      .split(/^(?=FROM )/m)
      .filter((stage) => stage.startsWith("FROM "));
    const ofLambda = stages.filter((stage) => stage.split("\n", 1)[0]?.includes("{BASE}"));
    expect(ofLambda).toHaveLength(2);
    const installed = ofLambda.flatMap((stage) => /dnf install ([^&]+)/.exec(stage)?.[1]?.split(/\s+/) ?? []);
    expect(installed).toContain("libxml2");
    expect(installed.filter((name) => name.startsWith("openssl"))).toEqual([]);
    // What compiles asks for openssl-devel, and so for openssl-libs: in Amazon Linux itself.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Docker's own.
    expect(stages.find((stage) => stage.includes("openssl-devel"))).toContain("FROM ${BUILD_BASE}");
    expect(of("ARG")).toContain("BUILD_BASE=public.ecr.aws/amazonlinux/amazonlinux:2023");
  });

  it("bundles every function that runs in it, and the containers' program", () => {
    const deployment = readDeployment({
      stage: "local",
      region: "eu-central-1",
      policy: join(projectDirectory, "examples/taskmaster/holdfast.yml"),
      architecture: "arm64",
      layer: "",
      image: "",
      vault: "create",
      subnets: "",
      securityGroups: "",
      proving: "open",
      provingZones: "",
      provingSubnets: "",
      provingSecurityGroups: "",
      s3PrefixList: "",
      protection: "on",
      secretsKeys: "",
      trail: "off",
      rolePath: "/",
      deploymentRole: "",
      boundary: "",
      events: "",
      memory: "3008",
      toolPath: "",
    });
    const specs = functionSpecs(deployment).filter(({ tools }) => tools === true);
    const modules = new Set(specs.map(({ module }) => module));
    expect(modules.size).toBeGreaterThan(2);
    expect(bundled.toSorted()).toEqual([...modules, "fargate"].toSorted());
    for (const name of bundled) expect(existsSync(join(projectDirectory, `functions/${name}.ts`)), name).toBe(true);
    const fargate = read("infra/fargate.ts");
    expect(fargate).toContain('EntryPoint: ["node", "/var/task/fargate.mjs"]');
  });

  it("bundles from what it has copied, and nothing else", () => {
    const directory = mkdtempSync(join(tmpdir(), "hf-image-"));
    try {
      for (const source of contextCopies) cpSync(join(projectDirectory, source), join(directory, source), { recursive: true });
      symlinkSync(join(projectDirectory, "node_modules"), join(directory, "node_modules"));
      const args = ["scripts/bundle-functions.ts", join(directory, "bundles"), ...bundled];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const made = readdirSync(join(directory, "bundles")).filter((name) => name.endsWith(".mjs"));
      expect(made.toSorted()).toEqual(bundled.map((name) => `${name}.mjs`).toSorted());
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("starts a handler that exists, as Lambda's own user", async () => {
    const [command] = of("CMD").map((text) => JSON.parse(text) as string[]);
    const [module, name] = (command?.[0] ?? "").split(".");
    expect(bundled).toContain(module);
    const { [name ?? ""]: handler } = (await import(`../../../functions/${module}.ts`)) as Record<string, unknown>;
    expect(handler).toBeTypeOf("function");
    expect(of("USER")).toEqual(["993:990"]);
    expect(of("ENV")).toEqual(["HOME=/tmp"]);
  });

  it("is built of Lambda's Node, of the major that the project is tested with", () => {
    const base = of("ARG").find((line) => line.startsWith("BASE="));
    const { optionalDependencies } = JSON.parse(read("package.json")) as { optionalDependencies: { node: string } };
    expect(base).toBe(`BASE=public.ecr.aws/lambda/nodejs:${optionalDependencies.node.split(".")[0]}`);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Docker's own.
    expect(of("FROM")).toEqual(["${BUILD_BASE} AS postgres", "${BASE} AS functions", "${BASE}"]);
  });
});
