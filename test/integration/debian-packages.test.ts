import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { unpackDebianPackages } from "../../scripts/debian-packages.ts";
import { ensureIcuPostgres } from "../../scripts/debian-postgres.ts";
import { createCollationDatabase } from "../support/object-zoo.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { runOk } from "../support/processes.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-debian-"));
  return () => rm(directory, { recursive: true, force: true });
});

describe("Debian's packages, unpacked", () => {
  it("run without being installed", async () => {
    const root = join(directory, "root");
    unpackDebianPackages(() => ["hello"], root);
    expect(await runOk(join(root, "usr/bin/hello"), [], { env: { LC_ALL: "C" } })).toBe("Hello, world!\n");
    expect(await readdir(directory)).toEqual(["root"]);
  });

  it("are said to be missing in apt-get's own words", () => {
    expect(() => unpackDebianPackages(() => ["no-such-package-anywhere"], join(directory, "root"))).toThrow(
      /could not download no-such-package-anywhere: .*Unable to locate package/,
    );
  });
});

describe("a PostgreSQL with ICU", () => {
  it("is found or unpacked, and sorts by language", async () => {
    const { binDir, major } = ensureIcuPostgres();
    await using server = await startPostgres({ major, binDir });
    await createCollationDatabase(server);
    const sorted = "select string_agg(word, ' ' order by word) from sorted.words where word in ('Zebra1', 'Äpfel1', 'Apfel1')";
    expect(await server.sql(sorted, "collated")).toBe("Äpfel1 Apfel1 Zebra1");
    expect(await server.sql("select count(*) from sorted.words where anyhow = 'ZEBRAx7'", "collated")).toBe("1");
  });
});
