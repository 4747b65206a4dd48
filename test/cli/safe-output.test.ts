/**
 * Whatever a name, a message or a document from outside holds, a terminal shows it and never obeys
 * it.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderChatbot } from "../../src/alerts/render-chatbot.ts";
import { renderSlack } from "../../src/alerts/render-slack.ts";
import { renderSubject, renderText } from "../../src/alerts/render-text.ts";
import { check } from "../../src/cli/commands/check.ts";
import { diff } from "../../src/cli/commands/diff.ts";
import { find } from "../../src/cli/commands/find.ts";
import { listHolds } from "../../src/cli/commands/hold.ts";
import { list } from "../../src/cli/commands/list.ts";
import { prune } from "../../src/cli/commands/prune.ts";
import { restoreTest } from "../../src/cli/commands/restore-test.ts";
import { show } from "../../src/cli/commands/show.ts";
import { status } from "../../src/cli/commands/status.ts";
import { verify } from "../../src/cli/commands/verify.ts";
import { createProgress } from "../../src/cli/progress.ts";
import { type Outcome, runSession, type Session } from "../../src/cli/session.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { catalogue, type ErrorName } from "../../src/errors/catalogue.ts";
import { HoldfastError, toHoldfastError } from "../../src/errors/holdfast-error.ts";
import { renderTable } from "../../src/report/format.ts";
import { escapeHtml } from "../../src/report/html.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { sealManifest } from "../../src/sealing/manifest-seal.ts";
import { canonicalJson, sha256Hex } from "../../src/vault/documents/canonical-json.ts";
import { appendEvidence, listEvidence, readEvidence } from "../../src/vault/documents/evidence.ts";
import { addHold } from "../../src/vault/documents/holds.ts";
import { readManifest } from "../../src/vault/documents/manifest.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { sampleAlert } from "../alerts/sample-alerts.ts";
import { createFilesProject, type FilesProject } from "../support/files-project.ts";
import { fakeStream } from "./fake-stream.ts";

/**
 * What may not reach a terminal, written anew here: neither from C0 and C1, nor marks, nor what
 * nobody sees.
 */
const forbidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a style begins with one.
const ownStyle = /\u001b\[[0-9;]+m/g;
const hostileParts = [
  "\u001b]52;c;aGk=\u0007",
  "\u001b[2J",
  "\u001b[31m",
  "\u001b[8m",
  "\u009b1m",
  "\r",
  "\n",
  "\r\nerror all backups are fine",
  "\b\b",
  "\u202e",
  "\u2066",
  "\u200e",
  "\u061c",
  "\u200b",
  "\u2028",
  "\ud83d",
  "\udc00",
  "\u{e0041}",
  "\ufeff",
  "\u0001",
  "\u0002",
  "\t",
  "name",
  "'\"<&>`$(x)",
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...hostileParts), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 6 })
  .map((parts) => parts.join(""));
const everything = hostileParts.join("x");

function open(json: boolean, isTTY = true) {
  const stdout = fakeStream({ isTTY });
  const stderr = fakeStream({ isTTY, columns: 60 });
  return { terminal: createTerminal({ json, stdout: stdout.stream, stderr: stderr.stream }), stdout, stderr };
}

/**
 * On one line a command printed, only its own styles are not text; the redrawn line begins with
 * what removes it.
 */
function expectSafe(text: string): void {
  expect(text.replaceAll(ownStyle, "").replaceAll("\r\u001b[2K", "")).not.toMatch(forbidden);
}

describe("the terminal", () => {
  test("prints arbitrary texts as one line each, in results, notes, errors, hints, details, status lines and traces", () => {
    const names = Object.keys(catalogue) as ErrorName[];
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 8, maxLength: 8 }), fc.constantFrom(...names), (texts, name) => {
        const [a = "", b = "", c = "", d = "", e = "", f = "", g = "", h = ""] = texts;
        const { terminal, stdout, stderr } = open(false);
        terminal.result({}, [
          a,
          `${terminal.style("red", b)} of ${c}`,
          ...renderTable({ head: ["A", "B"], rows: [[terminal.style("bold", d), e]] }),
        ]);
        expect(stdout.text().split("\n")).toHaveLength(5);
        expectSafe(stdout.text());
        terminal.note(a);
        terminal.error(new HoldfastError(name, `x ${b}`, { hint: f }));
        expect(stderr.text().split("\n")).toHaveLength(4);
        terminal.error(new HoldfastError(name, b, { hint: f, details: [g, h] }));
        terminal.statusLine(c);
        createProgress(terminal, systemClock).phase(d);
        terminal.trace(new Error(e));
        expectSafe(stderr.text());
      }),
      { numRuns: 2000 },
    );
  });

  test("lets no style through but its own: not even one that copies them", () => {
    const { terminal, stdout } = open(false);
    const copied = terminal.style("red", "x").replace("x", "");
    terminal.result({}, [`\u001b[32mproven\u001b[39m`, terminal.style("red", "damaged")]);
    expect(stdout.text()).toBe("\\x1b[32mproven\\x1b[39m\n\u001b[31mdamaged\u001b[39m\n");
    // What a mark is made of is not in what was printed.
    const [, secret = ""] = /([0-9a-f]{32}):/.exec(copied) ?? [];
    expect(secret).toHaveLength(32);
    expect(stdout.text()).not.toContain(secret);
  });

  test("prints a document that says the same and holds no raw control character", () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const { terminal, stdout } = open(true);
        terminal.result({ [a]: [b] }, []);
        expect(JSON.parse(stdout.text())).toEqual({ [a]: [b] });
        expectSafe(stdout.text());
      }),
      { numRuns: 2000 },
    );
  });

  test("keeps names that people have: other scripts, accents, emoji", () => {
    const { terminal, stdout } = open(false);
    const names = ["名前", "كتاب", "ספר", "e\u0301", "❤️", "C:\\new\\table", "naïve"];
    terminal.result({}, names);
    expect(stdout.text()).toBe(`${names.join("\n")}\n`);
  });
});

describe("alerts and the report", () => {
  test("hold nothing that a mail reader, a chat or a browser would obey", () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        const evil = {
          ...sampleAlert,
          what: a,
          why: { version: 1 as const, class: b, message: c, hint: b, details: [a, b] },
          run: c,
          nextCommand: a,
          dedupeKey: c,
        };
        expect(renderSubject(evil)).toMatch(/^[\x20-\x7e]{1,99}$/);
        expectSafe(renderText(evil));
        for (const rendered of [renderSlack(evil), renderChatbot(evil)]) {
          JSON.stringify(rendered, (_key, value) => {
            if (typeof value === "string") expectSafe(value);
            return value;
          });
        }
        expectSafe(escapeHtml(a + b + c));
      }),
      { numRuns: 500 },
    );
  });
});

/** What somebody without the key can write: nothing of it is signed. */
async function plantWithoutKey(project: FilesProject, id: string): Promise<void> {
  const evidence = join(project.vault, "evidence", "tree", id);
  for (const name of await readdir(evidence)) {
    const document = JSON.parse(await readFile(join(evidence, name), "utf8"));
    await writeFile(
      join(evidence, name),
      JSON.stringify({ ...document, by: everything, findings: [everything], reason: everything }),
    );
  }
  const manifest = join(project.vault, "manifests", "tree", `${id}.json`);
  const document = JSON.parse(await readFile(manifest, "utf8"));
  await writeFile(manifest, JSON.stringify({ ...document, notices: hostileNotices }));
  await mkdir(join(project.vault, "holds", "tree"), { recursive: true });
  await writeFile(join(project.vault, "holds", "tree", `${id}.json`), JSON.stringify(hostileHold(id)));
}

/**
 * What a source's own names and messages bring into documents: sealed and signed, so they count.
 */
async function plantThroughSource(project: FilesProject, id: string): Promise<void> {
  const context = await project.open();
  const [vault, keys, signer] = [await context.vaultOf("main"), await context.keysOf("main"), await context.signerOf("tree")];
  const { store } = vault;
  const checks = await listEvidence(store, "tree", id);
  const documents = await Promise.all(checks.map(({ key }) => readEvidence(store, key)));
  const { manifest } = await readManifest(store, "tree", id);
  const bytes = canonicalJson({ ...manifest, notices: hostileNotices });
  const manifestSha256 = sha256Hex(bytes);
  const seal = await sealManifest(manifestSha256, { keys, context: { vaultId: vault.id, source: "tree", backupId: id } });
  await store.put(keyOf.manifestSeal("tree", id), seal);
  await store.put(keyOf.manifest("tree", id), bytes);
  for (const document of documents) {
    const changed = { ...document, manifestSha256, by: everything, findings: [everything], reason: everything };
    await appendEvidence(vault, changed, signer);
  }
  await addHold(vault, hostileHold(id), signer);
}

const hostileNotices = [{ code: "HF", subject: everything, message: everything }];
const hostileHold = (backupId: string) => ({
  formatVersion: 2 as const,
  source: "tree",
  backupId,
  by: everything,
  reason: everything,
  at: "2026-11-20T00:00:00.000Z",
});

describe.each([
  { by: "somebody without the key", plant: plantWithoutKey, counts: false },
  { by: "what it backed up", plant: plantThroughSource, counts: true },
])("commands on a vault made hostile by $by", ({ plant, counts }) => {
  let project: FilesProject;
  let id: string;
  beforeAll(async () => {
    project = await createFilesProject();
    await project.writePolicy(
      "version: 1\nvaults: { main: folder:vault }\nkeys: { main: file:main.key }\nsources:\n" +
        "  tree: { engine: files, path: tree, retention: { keepLast: 5 } }\n" +
        "  shop: { engine: postgres, connection: env:SHOP, retention: { keepLast: 5 } }\n",
    );
    id = await project.back();
    await plant(project, id);
  });
  afterAll(() => project[Symbol.asyncDispose]());

  const commands: readonly (readonly [string, (session: Session) => Promise<Outcome>])[] = [
    ["list", (session) => list(session, undefined, {})],
    ["show", (session) => show(session, id)],
    ["status", (session) => status(session, "tree")],
    ["hold list", (session) => listHolds(session, undefined)],
    ["prune --dry-run", (session) => prune(session, "tree", { dryRun: true })],
    ["restore-test", (session) => restoreTest(session, "tree")],
    ["find", (session) => find(session, "tree", { path: "." })],
    ["diff", (session) => diff(session, id, id)],
    ["verify", (session) => verify(session, id, {})],
  ];

  test.each(commands)("%s prints nothing that a terminal obeys", async (_name, work) => {
    for (const json of [false, true]) {
      const { terminal, stdout, stderr } = open(json);
      await runSession(terminal, { file: project.policyFile }, work).catch((error) => terminal.error(toHoldfastError(error)));
      expect(stdout.text() + stderr.text()).not.toBe("");
      expectSafe(stdout.text());
      expectSafe(stderr.text());
    }
  });

  test("the planted texts are shown where they count, and only there", async () => {
    const { terminal, stdout } = open(false);
    await runSession(terminal, { file: project.policyFile }, (session) => show(session, id)).catch(() => undefined);
    expect(stdout.text().includes("error all backups are fine")).toBe(counts);
  });

  test("a server that answers the login with control characters is quoted, not obeyed", async () => {
    const text = everything.replaceAll("\0", "").toWellFormed();
    const body = Buffer.from(`SFATAL\0C28000\0M${text}\0D${text}\0\0`);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    const server = createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, body])));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    process.env["SHOP"] = `postgresql://u@127.0.0.1:${typeof address === "object" ? address?.port : 0}/d?sslmode=disable`;
    try {
      const { terminal, stdout, stderr } = open(false);
      await runSession(terminal, { file: project.policyFile }, (session) => check(session, "shop"));
      expect(stdout.text()).toContain("\\x1b]52;c;");
      expectSafe(stdout.text());
      expectSafe(stderr.text());
    } finally {
      delete process.env["SHOP"];
      server.close();
    }
  });
});
