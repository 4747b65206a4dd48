/**
 * Each correction of the emulator is needed, and makes it as AWS is documented. Where "is needed"
 * fails, a newer emulator has learnt it: take the correction out of scripts/cloud-ministack.py, and
 * its row out of docs/local-cloud.md.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MiniStackServer, startMiniStack } from "../support/ministack.ts";
import { clientsAt } from "./cloud.ts";
import { type Emulator, makeProbeRole } from "./emulator.ts";
import { isRoot, observations, taskProgram } from "./observations.ts";

const project = join(import.meta.dirname, "../..");

const tasks = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
let servers: readonly MiniStackServer[] = [];
let plain: Emulator;
let corrected: Emulator;

beforeAll(async () => {
  chmodSync(tasks, 0o755);
  writeFileSync(join(tasks, "probe.mjs"), taskProgram);
  const options = { enforceIam: true, tasks };
  servers = await Promise.all([startMiniStack(options), startMiniStack({ ...options, corrected: true })]);
  const [one, other] = servers.map(({ endpoint }) => ({ endpoint, clients: clientsAt(endpoint) }));
  plain = one as Emulator;
  corrected = other as Emulator;
  for (const emulator of [plain, corrected]) await makeProbeRole(emulator);
});

afterAll(async () => {
  for (const { clients } of [plain, corrected]) for (const client of Object.values(clients)) client.destroy();
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(tasks, { recursive: true });
});

describe.each(observations)("$correction", ({ correction, aws, see }) => {
  test("is needed: the emulator by itself differs from AWS", async () => {
    const seen = await see(plain);
    console.log(`${correction}: AWS ${JSON.stringify(aws)}; the emulator ${JSON.stringify(seen)}`);
    expect(seen).not.toEqual(aws);
  });

  test("makes the emulator as AWS is documented", async () => {
    expect(await see(corrected)).toEqual(aws);
  });
});

test("every correction is observed here, and has a row in the documentation", () => {
  const wrapper = readFileSync(join(project, "scripts/cloud-ministack.py"), "utf8");
  const page = readFileSync(join(project, "docs/local-cloud.md"), "utf8");
  const applied = [...wrapper.slice(wrapper.indexOf("__main__")).matchAll(/= ([a-z_]+)\(/g)].map(([, name]) => name);
  const observed = [...observations.map(({ correction }) => correction), ...(isRoot ? [] : ["run_as_nobody"])];
  expect(observed.sort()).toEqual([...new Set(applied)].sort());
  for (const name of applied) expect(page, `docs/local-cloud.md names ${name}`).toContain(`\`${name}\``);
});
