/**
 * The script of RESTORE.md that reads a manifest, run as a person runs it, on manifests that
 * somebody changed.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { builtInEngines } from "../../src/engines/engine-registry.ts";
import { writeInstructions } from "../../src/pipeline/export/vault-instructions.ts";
import { readSteps } from "../support/follow-restore-instructions.ts";
import { sampleId, sampleManifest } from "../support/sample-backups.ts";

const run = promisify(execFile);
const id = sampleId("2026-11-20T02:00:00Z");
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-manifest-"));
  await mkdir(join(directory, "vault/manifests/shop"), { recursive: true });
  await mkdir(join(directory, "work"));
  await writeFile(join(directory, "important.txt"), "important");
  const script = readSteps(await writeInstructions(builtInEngines))
    .flatMap(({ files }) => files)
    .find(({ name }) => name === "read_manifest.py");
  await writeFile(join(directory, "work/read_manifest.py"), script?.code ?? "");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function read(text: string): Promise<{ code: number; stdout: string; stderr: string }> {
  await writeFile(join(directory, "vault/manifests/shop", `${id}.json`), text);
  try {
    const done = await run("python3", ["read_manifest.py", join(directory, "vault"), "shop", id], { cwd: join(directory, "work") });
    return { code: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const sample = sampleManifest("shop", id);
const manifest = { ...sample, artifacts: sample.artifacts.map((each) => ({ ...each, keyId: "file:0123456789abcdef" })) };
const [artifact] = manifest.artifacts;
const withArtifact = (change: object): string => JSON.stringify({ ...manifest, artifacts: [{ ...artifact, ...change }] });
const artifactsRead = (): Promise<string> => readFile(join(directory, "work/artifacts.txt"), "utf8").catch(() => "");

it("takes a manifest as Holdfast writes it", async () => {
  expect(await read(JSON.stringify(manifest))).toMatchObject({ code: 0, stderr: "" });
  expect((await artifactsRead()).split("\n")).toHaveLength(manifest.artifacts.length + 1);
});

it.each<[string, object]>([
  ["a name that leads out", { name: "../important.txt" }],
  ["an absolute name", { name: "/tmp/x" }],
  ["a name with a space", { name: "a b" }],
  ["a name with a line break", { name: "a\nb" }],
  ["a command in a name", { name: "$(touch evil)" }],
  ["a name that is an option", { name: "-rf" }],
  ["the name of the next script", { name: "open_sealed.py" }],
  ["a name that becomes its list's", { name: "artifacts.txt" }],
  ["a command in a key's id", { keyId: "kms:x; touch evil" }],
  ["a key's id of two words", { keyId: "file:a b" }],
  ["a digest that is a line", { storedSha256: `${"0".repeat(64)}  /etc/passwd\n` }],
  ["an unknown compression", { compression: "zstd\n" }],
])("refuses %s", async (_, change) => {
  const { code, stderr } = await read(withArtifact(change));
  expect(code).toBe(1);
  expect(stderr).toMatch(/was changed by somebody|cannot be an artifact/);
  expect(stderr).not.toContain("Traceback");
  expect(await artifactsRead()).toBe("");
  expect(await readFile(join(directory, "important.txt"), "utf8")).toBe("important");
});

it("refuses two artifacts that would be opened into one file, nested lists, and another backup's manifest", async () => {
  const two = [
    { ...artifact, name: "a", compression: "zstd" },
    { ...artifact, name: "a.zst", compression: "none" },
  ];
  expect((await read(JSON.stringify({ ...manifest, artifacts: two }))).code).toBe(1);
  const nested = await read("[".repeat(200_000));
  expect(nested.code).toBe(1);
  expect(nested.stderr).not.toContain("Traceback");
  expect((await read(JSON.stringify({ ...manifest, source: "wiki" }))).code).toBe(1);
});

it("prints nothing that speaks to a terminal", async () => {
  const { stdout } = await read(JSON.stringify({ ...manifest, engine: "post\u001b]52;c;evil\u0007gres", kind: "\u009b2J\nOK" }));
  expect(stdout).not.toMatch(/[^\n\x20-\x7e]/);
  expect(stdout.split("\n")[0]).toContain("post?]52;c;evil?gres ?2J?OK backup of shop");
});

it("writes only lines of safe words, whatever the manifest says", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("a", "../x", "a b", "archive.dump", "none", "zstd", "file:1"),
  );
  await fc.assert(
    fc.asyncProperty(fc.record({ name: text, compression: text, keyId: text, storedSha256: text }), async (change) => {
      await read(withArtifact(change));
      for (const line of (await artifactsRead()).split("\n").slice(0, -1))
        expect(line).toMatch(/^[a-z0-9][a-z0-9.-]* [A-Za-z0-9:/._-]+ [a-z0-9.-]+$/);
      expect((await readdir(directory)).sort()).toEqual(["important.txt", "vault", "work"]);
    }),
    { numRuns: 15 },
  );
});
