/**
 * The script that builds the tools' image in CodeBuild, with a stand-in for the AWS command line
 * that notes what it is asked.
 */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../support/processes.ts";

const image = join(import.meta.dirname, "../../infra/image");
const repository = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/holdfast-tools";
const digest = `sha256:${"ab".repeat(32)}`;

/** Answers like AWS; `$CALLS` gets a line a call, and `$BUILT` is there once the image is. */
const fakeAws = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$1 $2" in
  "cloudformation describe-stacks")
    case "$*" in
      *Repository*) echo ${repository} ;;
      *SourceBucket*) echo holdfast-image-source ;;
      *Project*) echo holdfast-image ;;
    esac ;;
  "s3 cp") cp "$4" "$CALLS.zip" ;;
  "service-quotas get-service-quota") echo "\${QUOTA:-1.0}" ;;
  "codebuild start-build") echo holdfast-image:1 ;;
  "codebuild batch-get-builds")
    if [ -e "$CALLS.polled" ]; then echo "$STATUS"; [ "$STATUS" != SUCCEEDED ] || touch "$BUILT"
    else touch "$CALLS.polled"; echo IN_PROGRESS; fi ;;
  "ecr describe-images")
    if [ -e "$BUILT" ]; then echo ${digest}; else echo "ImageNotFoundException" >&2; exit 254; fi ;;
esac
`;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-image-"));
  const clone = join(directory, "clone");
  await mkdir(join(clone, "infra"), { recursive: true });
  await mkdir(join(directory, "bin"));
  await cp(image, join(clone, "infra/image"), { recursive: true });
  await writeFile(join(directory, "bin/aws"), fakeAws);
  await chmod(join(directory, "bin/aws"), 0o755);
  const git = (...args: string[]) => run("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd: clone });
  await git("init", "--quiet");
  await git("add", ".");
  expect(await git("commit", "--quiet", "--message", "all")).toMatchObject({ code: 0 });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function build(environment: Readonly<Record<string, string>> = {}) {
  const calls = join(directory, "calls");
  const ran = await run(join(directory, "clone/infra/image/build-in-aws.sh"), [], {
    cwd: directory,
    env: {
      PATH: [join(directory, "bin"), process.env["PATH"]].join(delimiter),
      AWS_REGION: "eu-central-1",
      HOLDFAST_POLL_SECONDS: "0",
      STATUS: "SUCCEEDED",
      CALLS: calls,
      BUILT: join(directory, "built"),
      ...environment,
    },
  });
  const asked = (await readFile(calls, "utf8").catch(() => "")).trim().split("\n");
  return { ...ran, asked: asked.map((line) => line.split(" ").slice(0, 2).join(" ")), calls: asked };
}

describe("infra/image/build-in-aws.sh", () => {
  test("deploys the project, uploads the last commit, waits, and prints the image's name alone", async () => {
    await writeFile(join(directory, "clone/secret.env"), "not committed");
    const ran = await build();
    expect(ran).toMatchObject({ code: 0, stdout: `${repository}@${digest}\n` });
    expect(ran.asked.filter((call) => !call.endsWith("describe-stacks"))).toEqual([
      "cloudformation deploy",
      "ecr describe-images",
      "service-quotas get-service-quota",
      "s3 cp",
      "codebuild start-build",
      "codebuild batch-get-builds",
      "codebuild batch-get-builds",
      "ecr describe-images",
    ]);
    // A zip holds the names of its files as they are.
    const source = await readFile(join(directory, "calls.zip"), "latin1");
    expect(source).toContain("infra/image/buildspec.yml");
    expect(source).not.toContain("secret.env");
  });

  test("builds a commit once", async () => {
    await writeFile(join(directory, "built"), "");
    const ran = await build();
    expect(ran).toMatchObject({ code: 0, stdout: `${repository}@${digest}\n` });
    expect(ran.asked).not.toContain("codebuild start-build");
  });

  test("says that changes which are not committed are left out", async () => {
    await writeFile(join(directory, "clone/infra/image/buildspec.yml"), "version: 0.2\n");
    expect((await build()).stderr).toContain("not committed");
  });

  test("fails with a failed build, and says where its log is", async () => {
    const ran = await build({ STATUS: "FAILED" });
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain("ended with FAILED: aws logs tail /holdfast/image");
  });

  test("starts no build where the account may run none, and says what to ask for", async () => {
    const ran = await build({ QUOTA: "0.0" });
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain(
      "request-service-quota-increase --region eu-central-1 --service-code codebuild --quota-code L-596BEAB4",
    );
    expect(ran.asked).not.toContain("codebuild start-build");
  });

  test("asks for the region rather than building in the wrong one", async () => {
    const ran = await build({ AWS_REGION: "" });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain("set AWS_REGION");
    expect(ran.calls).toEqual([""]);
  });
});

describe("the build's three descriptions", () => {
  test("build and push the same way, without what Lambda refuses", async () => {
    for (const name of ["buildspec.yml", "github-actions.yml"]) {
      const text = await readFile(join(image, name), "utf8");
      expect(() => parse(text)).not.toThrow();
      expect(text).toMatch(/docker build --platform linux\/arm64 --tag "\$REPOSITORY:\$(TAG|tag)" \./);
      expect(text).toMatch(/BUILDX_NO_DEFAULT_ATTESTATIONS: "1"/);
    }
    const guide = await readFile(join(image, "../../docs/deploy.md"), "utf8");
    expect(guide).toMatch(/BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --platform linux\/arm64/);
  });
});
