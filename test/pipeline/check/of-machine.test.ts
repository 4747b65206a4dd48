/** What a desk lacks is an error of its own checks, and none of a stack's. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../../src/engines/finding.ts";
import { checkPolicy } from "../../../src/pipeline/check.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";

let project: FilesProject;

beforeAll(async () => {
  project = await createFilesProject();
});

afterAll(() => project[Symbol.asyncDispose]());

const found: readonly Finding[] = [
  { level: "ok", subject: "connection", message: "runs" },
  { level: "error", subject: "privileges", message: "may not read", remedy: "Let it." },
  { level: "ok", subject: "restore test", message: "has a server", ofMachine: true },
  { level: "error", subject: "tools", message: "no pg_dump", remedy: "Install it.", ofMachine: true },
];

async function findingsOfSource(deployed: boolean) {
  const context = await project.open();
  const engine = { ...(await context.engineOf("files")), check: async () => found };
  const findings = await checkPolicy({ ...context, engineOf: async () => engine }, Object.values(context.policy.sources), {
    deployed,
  });
  return findings.filter(({ about }) => about.startsWith("source"));
}

test("what this machine lacks is an error where it does the work", async () => {
  expect(await findingsOfSource(false)).toEqual(
    found.map(({ ofMachine: _ofMachine, ...finding }) => ({ about: "source tree", ...finding })),
  );
});

test("what a desk lacks is a note where a stack does the work; what is wrong with the source stays an error", async () => {
  expect(await findingsOfSource(true)).toEqual([
    { about: "source tree", level: "ok", subject: "connection", message: "runs" },
    { about: "source tree", level: "error", subject: "privileges", message: "may not read", remedy: "Let it." },
    { about: "source tree", level: "ok", subject: "restore test", message: "has a server" },
    { about: "source tree", level: "note", subject: "tools", message: "on this machine, not in the stack: no pg_dump" },
  ]);
});
