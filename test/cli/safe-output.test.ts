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

describe("commands on a hostile vault", () => {
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
    const evidence = join(project.vault, "evidence", "tree", id);
    for (const name of await readdir(evidence)) {
      const document = JSON.parse(await readFile(join(evidence, name), "utf8"));
      Object.assign(document, { by: everything, findings: [everything], reason: everything });
      await writeFile(join(evidence, name), JSON.stringify(document));
    }
    const manifest = join(project.vault, "manifests", "tree", `${id}.json`);
    const document = JSON.parse(await readFile(manifest, "utf8"));
    document.notices = [{ code: "HF", subject: everything, message: everything }];
    await writeFile(manifest, JSON.stringify(document));
    await mkdir(join(project.vault, "holds", "tree"), { recursive: true });
    const hold = {
      formatVersion: 2,
      source: "tree",
      backupId: id,
      by: everything,
      reason: everything,
      at: "2026-11-20T00:00:00.000Z",
    };
    await writeFile(join(project.vault, "holds", "tree", `${id}.json`), JSON.stringify(hold));
  });
  afterAll(() => project[Symbol.asyncDispose]());

  const commands: readonly (readonly [string, (session: Session) => Promise<Outcome>])[] = [
    ["list", (session) => list(session, undefined, {})],
    ["show", (session) => show(session, id)],
    ["status", (session) => status(session, "tree")],
    ["hold list", (session) => listHolds(session, undefined)],
    ["prune --dry-run", (session) => prune(session, "tree", { dryRun: true })],
    ["restore-test", (session) => restoreTest(session, "tree")],
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
