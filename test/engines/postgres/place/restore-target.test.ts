import { describe, expect, it } from "vitest";
import { resolveTarget } from "../../../../src/engines/postgres/place/restore-target.ts";
import { makeContext } from "../../files/memory-backup.ts";

describe("what stands after --to", () => {
  it.each([
    "host=db.example.com password=s3cret dbname=shop",
    "password=s3cret",
    "  password = 's3cret'  ",
    "dbname=shop",
    "jdbc:postgresql://app:s3cret@db/shop",
    "mysql://app:s3cret@db/shop",
    "app:s3cret@db.example.com/shop",
    "app:s3cret@db.example.com",
    "postgres://app:s3cret@db/shop",
    "postgresql://db/shop?password=s3cret",
    "POSTGRES://app:s3cret@db/shop",
    `host=db password=s3cret ${"x".repeat(100)}`,
  ])("is not taken for a database's name, nor repeated, when it is a connection: %s", async (target) => {
    const resolving = resolveTarget(target, undefined, makeContext());
    await expect(resolving).rejects.toMatchObject({ name: "UsageInvalid", exitCode: 2 });
    const error = (await resolving.catch((thrown: unknown) => thrown)) as Error & { hint?: string; details?: readonly string[] };
    expect([error.message, error.hint, ...(error.details ?? [])].join("\n")).not.toContain("s3cret");
  });

  it.each(["/srv/restored", "./restored", "../restored", "~/restored", "~ops/restored", "/"])(
    "is refused when it is a path, which would become a database's name: %s",
    async (target) => {
      await expect(resolveTarget(target, undefined, makeContext())).rejects.toMatchObject({
        name: "UsageInvalid",
        message: `"${target}" is a path, not the name of a database`,
      });
    },
  );

  it.each(["shop", "Shop Restored", "a/b", "~shop", ".shop", "shop-2026", "shop:new", "a@b", "größe"])(
    "is a name: %s",
    async (target) => {
      await expect(resolveTarget(target, undefined, makeContext())).rejects.toMatchObject({
        name: "UsageInvalid",
        message: expect.stringContaining(target),
      });
    },
  );
});
