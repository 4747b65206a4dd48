/**
 * PostgreSQL's programs as a layer, built by its command with PostGIS and pgvector, unpacked at
 * /opt where there is nothing else but glibc and libstdc++: down to a proven restore test of every
 * major and of both extensions by the bundled functions. Layers of other options:
 * test/exhaustive/layers.test.ts.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maxUnpackedBytes, readLayerManifest } from "../../../infra/layer-manifest.ts";
import { ensureIcuPostgres } from "../../../scripts/debian-postgres.ts";
import { ensureLayer } from "../../../scripts/layer/ensure-layer.ts";
import { closureProblems } from "../../../scripts/layer/libraries.ts";
import { unpackedBytes } from "../../../scripts/layer/locale-data.ts";
import type { Processor } from "../../../scripts/layer/processor.ts";
import { checkExtensions } from "../../../src/engines/postgres/check-extensions.ts";
import { installableExtensions } from "../../../src/engines/postgres/missing-extensions.ts";
import type { Cage } from "../../support/cage.ts";
import { startExtendedPostgres } from "../../support/extended-postgres.ts";
import { execution, type LayerTrial, majors, startLayerTrial, type TrialDatabase } from "../../support/layer-trial.ts";
import { ensurePgvector, pgvectorMajor } from "../../support/pgvector.ts";
import { startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";

/** pgvector's build is for this processor alone. */
const hasVector = process.arch === "x64";
/** Debian's PostGIS is for its own major. */
const postgisMajor = 15;
const extended = ["postgis", ...(hasVector ? ["vector"] : [])];
let zip: string;
let trial: LayerTrial;
/** With the layer as it would be without the extensions. */
let lacking: Cage | undefined;

/** What needs the extension to load at all, and its index to be built. */
const locations = [
  "create extension postgis",
  "create table locations (id int primary key, at geometry(Point, 4326) not null)",
  // Another system of coordinates: PROJ reads its database.
  "create index on locations using gist (st_transform(at, 3857))",
  "insert into locations select n, st_setsrid(st_makepoint(n / 10.0, n / 20.0), 4326) from generate_series(1, 300) n",
].join("; ");
const embeddings = [
  "create extension vector",
  "create table embeddings (id int primary key, of vector(3) not null)",
  "insert into embeddings select n, array[n, n / 2.0, 1]::vector from generate_series(1, 300) n",
  "create index on embeddings using hnsw (of vector_l2_ops)",
].join("; ");
const sorted = [
  "create collation german (provider = icu, locale = 'de')",
  "create table words (word text collate german primary key)",
  "insert into words select 'word ' || n from generate_series(1, 300) n",
].join("; ");

async function startExtended(layer: string): Promise<Record<string, TrialDatabase>> {
  return {
    shoppostgis: { server: await startExtendedPostgres(postgisMajor, layer, zip), script: locations },
    ...(hasVector ? { shopvector: { server: await startExtendedPostgres(pgvectorMajor, layer, zip), script: embeddings } } : {}),
    shopicu: { server: await startPostgres(ensureIcuPostgres()), script: sorted },
  };
}

beforeAll(async () => {
  const vector = hasVector ? ["--extension", `vector@${pgvectorMajor}=${ensurePgvector()}`] : [];
  // With the languages that leave room for PostGIS.
  zip = ensureLayer(["--locales", "common", "--extension", "postgis", ...vector]);
  trial = await startLayerTrial(zip, { further: startExtended });
}, 900_000);

afterAll(() => trial?.[Symbol.asyncDispose]());

/** The layer as it would be without the extensions. */
async function withoutExtensions(): Promise<string> {
  const bare = join(trial.directory, "bare");
  await runOk("cp", ["-al", trial.layer, bare]);
  for (const major of majors) {
    for (const part of ["lib", "share/extension"]) {
      const directory = join(bare, `pgsql-${major}`, part);
      for (const name of readdirSync(directory)) if (/^(?:vector|postgis)/.test(name)) rmSync(join(directory, name));
    }
  }
  return bare;
}

describe("the layer", () => {
  it("is what its digest says, fits into Lambda beside a function, and needs nothing newer than Amazon Linux 2023 has", () => {
    const [digest] = readFileSync(`${zip}.sha256`, "utf8").split("  ");
    expect(createHash("sha256").update(readFileSync(zip)).digest("hex")).toBe(digest);
    expect(unpackedBytes(trial.layer)).toBeLessThan(maxUnpackedBytes - 10_000_000);
    expect(closureProblems(trial.layer, process.arch as Processor)).toEqual([]);
    expect(readLayerManifest(readFileSync(zip))?.extensions).toEqual({
      [postgisMajor]: ["postgis"],
      ...(hasVector ? { [pgvectorMajor]: ["vector"] } : {}),
    });
  });

  it.each(majors)(
    "has every extension that `check` takes for PostgreSQL's own, and no others but the added, with %i",
    async (major) => {
      const directory = join(trial.layer, `pgsql-${major}/bin`);
      const names = [...(installableExtensions(directory, major) ?? [])];
      expect(names.length).toBeGreaterThan(40);
      const rows = async <R>() => names.map((name) => ({ name, version: "1.0" })) as R[];
      const noted = await checkExtensions({ rows }, { restoreTest: { assertions: [] } }, { directory, major });
      const added = extended.filter((name) => major === (name === "postgis" ? postgisMajor : pgvectorMajor));
      expect(noted.map(({ message }) => /extension (\S+)/.exec(message)?.[1])).toEqual(added);
    },
  );

  it("looks for public authorities where Amazon Linux has them, as `sslrootcert=system` asks", () => {
    const library = readFileSync(join(trial.layer, "pgsql-lib/libcrypto.so.3"), "latin1");
    expect(library).toContain("\0/etc/pki/tls/cert.pem\0");
    expect(library).not.toContain("/usr/lib/ssl/cert.pem");
  });

  it("is all that the cage has besides glibc, libstdc++, a shell and what the supervisor calls", async () => {
    const { stdout } = await trial.cage.shell(
      "ls /bin /lib; ls -d /usr /lib/x86_64-linux-gnu 2>/dev/null; touch /opt/x 2>&1 | grep -c Read-only",
    );
    const names = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("/"));
    expect(
      names
        .filter((name) => /^lib/.test(name))
        .every((name) => /^lib(?:c|m|dl|pthread|rt|resolv|stdc\+\+|gcc_s|pcre2-8|selinux)\.so/.test(name)),
    ).toBe(true);
    expect(names).not.toContain("locale");
    expect(stdout).not.toContain("/usr");
  });

  it.each(majors)("sorts by language and knows time zones, with PostgreSQL %i", async (major) => {
    const query =
      "select string_agg(w, ' ' order by w), '2026-07-01 00:00+00'::timestamptz at time zone 'America/New_York' from (values ('zebra'), ('ärlig'), ('apa')) v(w)";
    const script = [
      "export LOCPATH=/opt/share/locale",
      `/opt/pgsql-${major}/bin/initdb -D /tmp/d -U me --locale=de_DE.utf8 --no-sync >/tmp/log 2>&1 || { while read -r line; do echo "$line"; done < /tmp/log; exit 1; }`,
      // Two modules that are linked with further libraries of the layer.
      `printf '%s\\n' "load 'uuid-ossp'" "load 'pgxml'" "${query}" | /opt/pgsql-${major}/bin/postgres --single -D /tmp/d postgres 2>&1`,
    ];
    const { stdout, stderr } = await trial.cage.shell(script.join("\n"));
    expect(stdout, stderr).toContain('"apa ärlig zebra"');
    expect(stdout).toContain('"2026-06-30 20:00:00"');
    expect(stdout).not.toContain("ERROR");
  });

  it.each(majors)("dumps, verifies and proves a backup of PostgreSQL %i", async (major) => {
    const source = `shop${major}`;
    const { backupId, ...rest } = await trial.call("dump", { source, kind: "full" });
    expect(rest).toMatchObject({ source, rows: 2_000 });
    const backup = { source, backupId, execution };
    expect(await trial.call("prove", { ...backup, step: "verify" })).toMatchObject({ outcome: "verified", rows: 2_000 });
    expect(await trial.call("prove", { ...backup, step: "restore-test" })).toMatchObject({ outcome: "proven", rows: 2_000 });
  });

  it.each(extended)("proves a backup whose columns and indexes are of %s, and without it says what to add", async (name) => {
    const source = `shop${name}`;
    const { backupId, ...rest } = await trial.call("dump", { source, kind: "full" });
    expect(rest).toMatchObject({ source });
    const test = { source, backupId, execution, step: "restore-test" };
    const proven = await trial.call("prove", test);
    expect(proven, await trial.cloud.findings(source)).toMatchObject({ outcome: "proven" });
    lacking ??= await trial.openCage(await withoutExtensions());
    const { errorType, errorMessage } = await trial.call("prove", test, lacking);
    expect(errorType).toBe("BackupUnproven");
    // The alert has it, and what was found of the backup.
    for (const text of [errorMessage, await trial.cloud.findings(source)]) {
      expect(text).toMatch(new RegExp(`extension ${name} [0-9.]+ is not available on this server`));
      expect(text).toContain(`write restoreTest: { extensions: [${name}] } into the policy, run`);
    }
  });

  it("is built without ICU, and says of a source with its collations why it is unproven", async () => {
    const source = "shopicu";
    const { backupId, ...rest } = await trial.call("dump", { source, kind: "full" });
    expect(rest).toMatchObject({ source, rows: 300 });
    const test = { source, backupId, execution, step: "restore-test" };
    expect(await trial.call("prove", test)).toMatchObject({ errorType: "BackupUnproven" });
    expect(await trial.cloud.findings(source)).toMatch(/COLLATION public\.german: ICU is not supported in this build/);
  });
});
