import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import { canReach } from "../../scripts/unprivileged-user.ts";

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "hf-cache-"));
  await chmod(base, 0o755);
  await mkdir(join(base, "checkout"));
  await mkdir(join(base, "shared"));
  return () => rm(base, { recursive: true, force: true });
});

/**
 * A user that owns nothing here; switching to it takes root, as which the real function runs when
 * it matters.
 */
const asRoot = process.getuid?.() === 0;
const user = asRoot ? { uid: 65534, gid: 65534 } : undefined;
const places = () => ({ project: join(base, "checkout"), shared: join(base, "shared"), user });

describe("the cache's place", () => {
  it("is the checkout when the servers' user can reach it", () => {
    expect(cacheDirectory(places())).toBe(join(base, "checkout/.cache"));
  });

  it("is a directory of this user's own, readable by all, when the checkout is out of reach", async () => {
    await chmod(join(base, "checkout"), 0o700);
    const expected = asRoot ? join(base, "shared", "holdfast-cache-0") : join(base, "checkout/.cache");
    const found = cacheDirectory(places());
    expect(found).toBe(expected);
    expect(canReach(found, user)).toBe(true);
    expect((await stat(found)).mode & 0o022).toBe(0);
  });

  it("is refused when others may write to it", async () => {
    const shared = join(base, "shared", `holdfast-cache-${process.getuid?.()}`);
    await mkdir(shared);
    await chmod(shared, 0o777);
    await chmod(join(base, "checkout"), 0o700);
    if (asRoot) expect(() => cacheDirectory(places())).toThrow(/can be written by others/);
    else expect(cacheDirectory(places())).toBe(join(base, "checkout/.cache"));
  });
});
