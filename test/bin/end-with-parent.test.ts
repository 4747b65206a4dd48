/** A run under another Node, and what happens to it when the process that started it is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";

const bin = pathToFileURL(join(import.meta.dirname, "../../bin")).href;

test.each([
  ["ends when the one that handed over to it is killed", true],
  ["goes on where it was not linked: a negative control", false],
])("a process under another Node %s", async (_title, linked) => {
  const directory = await mkdtemp(join(tmpdir(), "hf-linked-"));
  const [outer, inner] = [join(directory, "outer.mjs"), join(directory, "inner.mjs")];
  await writeFile(
    inner,
    `import { endWithParent } from "${bin}/end-with-parent.mjs";
     endWithParent();
     setInterval(() => {}, 1000);
     console.log(process.pid);`,
  );
  await writeFile(
    outer,
    `import { handOver } from "${bin}/find-node.mjs";
     handOver(process.execPath, [${JSON.stringify(inner)}], { linked: ${linked} });`,
  );
  const parent = spawn(process.execPath, [outer], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  try {
    parent.kill("SIGKILL");
    await once(parent, "exit");
    if (linked) await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 50_000, interval: 50 });
    else expect(isAlive(pid)).toBe(true);
  } finally {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
    await rm(directory, { recursive: true });
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
