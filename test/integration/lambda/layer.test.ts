/**
 * PostgreSQL's programs as a layer, built by its command, unpacked at /opt where there is nothing
 * else but glibc and libstdc++: down to a proven restore test of every major by the bundled
 * functions.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maxUnpackedBytes } from "../../../infra/layer-manifest.ts";
import { ensureLayer } from "../../../scripts/layer/ensure-layer.ts";
import { closureProblems } from "../../../scripts/layer/libraries.ts";
import { unpackedBytes } from "../../../scripts/layer/locale-data.ts";
import type { Processor } from "../../../scripts/layer/processor.ts";
import { supportedMajors } from "../../../src/engines/postgres/tools.ts";
import { openBareCage } from "../../support/bare-cage.ts";
import type { Cage } from "../../support/cage.ts";
import { type FunctionsCloud, startFunctionsCloud } from "../../support/functions-cloud.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { runOk } from "../../support/processes.ts";

const majors = Array.from({ length: supportedMajors.newest - supportedMajors.oldest + 1 }, (_, at) => supportedMajors.oldest + at);
const execution = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-test-backup:layer";
const directory = mkdtempSync(join(tmpdir(), "hf-layer-"));
const layer = join(directory, "opt");
const servers = new Map<number, PostgresServer>();
let zip: string;
let cloud: FunctionsCloud;
let cage: Cage;

/** Another program than the one that wrote it unpacks the zip, links as links. */
const unpack = `
import os, stat, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for entry in archive.infolist():
        path, mode = os.path.join(sys.argv[2], entry.filename), entry.external_attr >> 16
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if stat.S_ISLNK(mode): os.symlink(archive.read(entry).decode(), path)
        else:
            with open(path, "wb") as file: file.write(archive.read(entry))
            os.chmod(path, mode & 0o777)
`;

/** What loads only where time zones and PostgreSQL's own extensions are. */
const schema = [
  "create extension pgcrypto; create extension hstore",
  "create table orders (id bigint primary key, at timestamptz not null, note text not null, tags hstore, check (extract(hour from at at time zone 'Europe/Berlin') < 25))",
  "create index on orders ((at at time zone 'America/New_York'))",
  "insert into orders select n, '2026-01-01 12:00+00'::timestamptz + n * interval '1 hour', 'order ' || n, hstore('n', n::text) from generate_series(1, 2000) n",
].join("; ");

beforeAll(async () => {
  zip = ensureLayer();
  await runOk("python3", ["-c", unpack, zip, layer]);
  await runOk("chmod", ["755", directory]);
  for (const major of majors) {
    const server = await startPostgres({ major });
    servers.set(major, server);
    await server.sql("create database shop");
    await server.sql(schema, "shop");
  }
  cage = await openBareCage({ functions: ["dump", "prove"], layer });
  cloud = await startFunctionsCloud(
    Object.fromEntries([...servers].map(([major, server]) => [`shop${major}`, server.urlOf("shop")])),
  );
}, 900_000);

afterAll(async () => {
  await cage?.[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
  for (const server of servers.values()) await server.remove();
  rmSync(directory, { recursive: true, force: true });
});

/** As infra/tools.ts sets it, and no other way to the programs than the engine's own search. */
const environment = (source: string): NodeJS.ProcessEnv => ({
  ...cloud.environment({ toolPath: "" }),
  LOCPATH: "/opt/share/locale",
  HOLDFAST_SOURCE: source,
});

async function call(
  name: string,
  event: { readonly source: string; readonly [key: string]: unknown },
): Promise<Record<string, unknown>> {
  await using lambda = await cage.start(name, environment(event.source));
  const { result, errorType, errorMessage } = await lambda.invoke(event);
  return result ?? { errorType, errorMessage, log: lambda.log() };
}

describe("the layer", () => {
  it("is what its digest says, fits into Lambda beside a function, and needs nothing newer than Amazon Linux 2023 has", () => {
    const [digest] = readFileSync(`${zip}.sha256`, "utf8").split("  ");
    expect(createHash("sha256").update(readFileSync(zip)).digest("hex")).toBe(digest);
    expect(unpackedBytes(layer)).toBeLessThan(maxUnpackedBytes - 10_000_000);
    expect(closureProblems(layer, process.arch as Processor)).toEqual([]);
  });

  it("looks for public authorities where Amazon Linux has them, as `sslrootcert=system` asks", () => {
    const library = readFileSync(join(layer, "pgsql-lib/libcrypto.so.3"), "latin1");
    expect(library).toContain("\0/etc/pki/tls/cert.pem\0");
    expect(library).not.toContain("/usr/lib/ssl/cert.pem");
  });

  it("is all that the cage has besides glibc, libstdc++, a shell and what the supervisor calls", async () => {
    const { stdout } = await cage.shell(
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
    const { stdout, stderr } = await cage.shell(script.join("\n"));
    expect(stdout, stderr).toContain('"apa ärlig zebra"');
    expect(stdout).toContain('"2026-06-30 20:00:00"');
    expect(stdout).not.toContain("ERROR");
  });

  it.each(majors)("dumps, verifies and proves a backup of PostgreSQL %i", async (major) => {
    const source = `shop${major}`;
    const { backupId, ...rest } = await call("dump", { source, kind: "full" });
    expect(rest).toMatchObject({ source, rows: 2_000 });
    const backup = { source, backupId, execution };
    expect(await call("prove", { ...backup, step: "verify" })).toMatchObject({ outcome: "verified", rows: 2_000 });
    expect(await call("prove", { ...backup, step: "restore-test" })).toMatchObject({ outcome: "proven", rows: 2_000 });
  });
});
