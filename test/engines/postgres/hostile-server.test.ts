/**
 * A hostile or broken server: every answer ends in an error that says so, with bounded memory, and
 * never in a crash or without end.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowsLogin } from "../../../src/engines/postgres/connection/allowed-logins.ts";
import { connect } from "../../../src/engines/postgres/connection/driver.ts";
import {
  columns,
  complete,
  identity,
  loggedIn,
  message,
  notice,
  ready,
  row,
  sendForever,
  settingsMade,
  startHostileServer,
} from "../../support/hostile-server.ts";
import { askAround, type Conversation, mutate } from "../../support/wire-conversations.ts";

const never = new AbortController().signal;
const settingsFor = (port: number, more: Record<string, string> = {}) => ({
  host: "127.0.0.1",
  port,
  user: "u",
  database: "d",
  sslmode: "disable" as const,
  connectTimeoutSeconds: 5,
  variables: more,
});

const usual: Conversation = [loggedIn, identity, settingsMade, Buffer.concat([columns("a"), row("1"), complete, ready])];

describe("endless answers to a question with one row", () => {
  it.each([
    ["rows", Buffer.concat([row("1")]), "more than 1 rows"],
    ["notices", notice, "messages that are not rows"],
    ["parameters", message("S", "x\0", "y\0"), "messages that are not rows"],
    ["descriptions", columns("a", "b"), "messages that are not rows"],
    ["ends of statements", complete, "messages that are not rows"],
    ["notifications", message("A", 1, "channel\0", "payload\0"), "messages that are not rows"],
  ])("%s", async (_name, piece, words) => {
    await using server = await startHostileServer((turn, socket) => {
      if (turn < 3) return usual[turn];
      socket.write(columns("a"));
      sendForever(socket, piece);
      return undefined;
    });
    const connection = await connect(settingsFor(server.port), never);
    const before = process.memoryUsage().rss;
    await expect(connection.row("SELECT 1 AS a")).rejects.toMatchObject({
      name: "SourceUnreachable",
      message: expect.stringContaining(words),
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
    await connection.close();
    await expect.poll(server.connections).toBe(0);
  });
});

it.each([
  ["a message of 2 GB", Buffer.concat([Buffer.from("D"), Buffer.from([0x7f, 0xff, 0xff, 0xff])])],
  ["a message of 4 GB", Buffer.concat([Buffer.from("T"), Buffer.from([0xff, 0xff, 0xff, 0xff])])],
  ["a length below its own", Buffer.concat([Buffer.from("D"), Buffer.from([0, 0, 0, 1])])],
  ["a row with more fields than bytes", message("D", Buffer.from([0x7f, 0xff]))],
  ["a letter that is none", message("!", "what")],
  ["a row nobody described", row("1", "2", "3")],
])("%s is an error", async (_name, bytes) => {
  await using server = await startHostileServer((turn) => (turn < 3 ? usual[turn] : Buffer.concat([bytes, complete, ready])));
  const connection = await connect(settingsFor(server.port), never);
  const outcome = await connection.row("SELECT 1 AS a").then(
    (found) => found,
    (error) => error,
  );
  expect(outcome instanceof Error || outcome === undefined || Object.keys(outcome as object).length <= 3).toBe(true);
  await connection.close();
});

describe("a text without an end, for which the driver's parser would look for ever, is an error", () => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ["an error's fields", message("E", "SFATAL\0", "Mno\0")],
    ["an error's last field", message("E", "SFATAL\0", "Mno")],
    ["an error without fields", message("E")],
    ["a notice's fields", message("N", "SNOTICE\0")],
    ["a parameter's value", message("S", "name\0", "value")],
    ["a parameter's name", message("S")],
    ["a notification's payload", message("A", 1, "channel\0", "payload")],
    ["a notification", message("A", 1)],
    ["a statement's end", message("C", "SELECT 1")],
    ["a column's name", message("T", Buffer.from([0, 1]), "name")],
    ["the second column's name", message("T", Buffer.from([0, 2]), "a\0", Buffer.alloc(18), "b")],
    ["the methods of a login", message("R", 10, "SCRAM-SHA-256\0")],
    ["a method of a login", message("R", 10, "SCRAM-SHA-256")],
  ];
  it.each(cases)("%s", async (_name, bytes) => {
    for (const turn of [0, 1, 3]) {
      for (const cut of [undefined, 1, 6, bytes.length - 1]) {
        await using server = await startHostileServer((at, socket) => {
          if (at !== turn) return usual[at];
          if (cut !== undefined) socket.write(bytes.subarray(0, cut));
          return cut === undefined ? bytes : bytes.subarray(cut);
        });
        const settings = { ...settingsFor(server.port), connectTimeoutSeconds: 20 };
        const asking = connect(settings, never).then((connection) => connection.rows("SELECT 1 AS a"));
        await expect(asking).rejects.toMatchObject({
          name: "SourceUnreachable",
          message: expect.stringContaining("without an end"),
        });
      }
    }
  });
});

it("a server that logs in and says nothing more is not waited for without end", async () => {
  await using server = await startHostileServer((turn) => (turn === 0 ? loggedIn : undefined));
  const settings = { ...settingsFor(server.port), connectTimeoutSeconds: 1 };
  await expect(connect(settings, never)).rejects.toMatchObject({ message: expect.stringContaining("said nothing") });
});

it("statements that take their time are waited for, and answers of many rows to statements of others are taken", async () => {
  const many = Buffer.concat([columns("a"), ...Array.from({ length: 5_000 }, () => row("1")), complete, ready]);
  await using server = await startHostileServer((turn, socket) => {
    if (turn < 3) return usual[turn];
    setTimeout(() => socket.write(many), 700);
    return undefined;
  });
  const connection = await connect({ ...settingsFor(server.port), connectTimeoutSeconds: 0.3 }, never);
  await connection.run("VACUUM");
  expect((await connection.client.query("SELECT 1 AS a")).rows).toHaveLength(5_000);
  expect(await connection.rows("SELECT 1 AS a")).toHaveLength(5_000);
  await connection.close();
});

describe("require_auth", () => {
  it.each([
    ["password", message("R", 3), "scram-sha-256", false],
    ["md5", message("R", 5, "salt"), "scram-sha-256,!x", false],
    ["no login", message("R", 0), "scram-sha-256", false],
    ["password that is forbidden", message("R", 3), "!password", false],
    ["no login that is allowed", loggedIn, "none", true],
  ])("%s: sent %s against %s", async (_name, bytes, required, allowed) => {
    const got: Buffer[] = [];
    await using server = await startHostileServer((turn, socket) => {
      socket.on("data", (chunk: Buffer) => got.push(chunk));
      return turn === 0 ? bytes : usual[turn];
    });
    const attempt = connect(settingsFor(server.port, { PGREQUIREAUTH: required }), never);
    if (allowed) await (await attempt).close();
    else await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining("require_auth") });
    expect(Buffer.concat(got).includes("p\0\0")).toBe(false);
  });

  it("reads libpq's lists", () => {
    expect(allowsLogin(undefined, "password")).toBe(true);
    expect(allowsLogin("md5, scram-sha-256", "md5")).toBe(true);
    expect(allowsLogin("!password,!md5", "scram-sha-256")).toBe(true);
    expect(allowsLogin("!password,!md5", "md5")).toBe(false);
  });
});

it("answers with any bytes changed, cut or repeated end in a result or an error of the catalogue", async () => {
  await fc.assert(
    fc.asyncProperty(mutate(usual), (conversation) => askAround(conversation)),
    { numRuns: 150, seed: 20261128 },
  );
});
