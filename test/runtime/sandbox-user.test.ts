/** Users of a sandbox: no two servers have the same one at a time. */
import { expect, test } from "vitest";
import { chooseSandboxUser, reserveServerUser, type SandboxUser } from "../../src/runtime/sandbox-user.ts";

const asRoot = process.getuid?.() === 0;

test("servers that choose the same user at the same moment get different ones, until it is released", async () => {
  const first = { uid: 1_899_000_000 + process.pid, gid: 1 };
  const second = { ...first, uid: first.uid - 500_000_000 };
  const choose = (): (() => SandboxUser) => {
    const left = [first, second];
    return () => left.shift() ?? second;
  };
  const reserved = await Promise.all([reserveServerUser(choose()), reserveServerUser(choose())]);
  expect(reserved.map((one) => one?.user.uid).sort()).toEqual([first.uid, second.uid].sort());
  for (const one of reserved) one?.release();
  await expect
    .poll(async () => {
      const again = await reserveServerUser(choose());
      again?.release();
      return again?.user.uid;
    })
    .toBe(first.uid);
});

test("a server's user is never that of a program, and an ordinary caller has none", () => {
  for (let n = 0; n < 50; n++) {
    const [server, program] = [chooseSandboxUser("server"), chooseSandboxUser("program")];
    if (asRoot) expect([(server?.uid ?? 1) % 2, (program?.uid ?? 0) % 2]).toEqual([0, 1]);
    else expect([server, program]).toEqual([undefined, undefined]);
  }
});
