/** Limits of a sandbox: above what its user already runs elsewhere. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { limitArguments } from "../../src/runtime/sandbox-limits.ts";

/** More than a limit of the sandbox alone leaves of its 256. */
const sleepers = 30;

test("the limit on processes stands above those that the user runs already, as servers of nobody do", async () => {
  const user = process.getuid?.() === 0 ? { uid: 60_799, gid: 60_799 } : undefined;
  const processLimit = () => Number(limitArguments(user).at(-1));
  const before = processLimit();
  const children: ChildProcess[] = [];
  onTestFinished(() => {
    for (const child of children) child.kill("SIGKILL");
  });
  for (let n = 0; n < sleepers; n++) children.push(spawn("sleep", ["60"], { stdio: "ignore", ...user }));
  await Promise.all(children.map((child) => once(child, "spawn")));
  if (user !== undefined) expect(processLimit() - before).toBe(sleepers);
  // An ordinary user's other processes come and go meanwhile.
  else expect(processLimit()).toBeGreaterThanOrEqual(256 + sleepers);
});
