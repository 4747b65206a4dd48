import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRestoreErrors, readFailedEntries } from "../../../../src/engines/postgres/load/load-errors.ts";
import { areMixed, keptErrors } from "../../../../src/engines/postgres/load/load-parallel.ts";
import { progressLine } from "../../../../src/engines/postgres/load/run-restore.ts";
import type { ScriptEntry } from "../../../../src/engines/postgres/script/script-entry.ts";
import { keepTail } from "../../../../src/runtime/process-group.ts";

/** pg_restore writes a message of more bytes than this in several pieces. */
const pieceBytes = 1024;

interface Failure {
  readonly entry: number;
  readonly padding: number;
  readonly detail: boolean;
}

const statementOf = ({ entry, padding }: Failure): string =>
  `CREATE INDEX i${entry} ON public.t USING btree (a)${" ".repeat(padding)}`;
const messageOf = ({ entry }: Failure): string => `relation "public.gone_${entry}" does not exist`;

/** What one session writes, piece by piece, when an entry fails. */
function piecesOf(failure: Failure): string[] {
  const detail = failure.detail ? "LINE 1: x\n        ^\n" : "";
  const text = `could not execute query: ERROR:  ${messageOf(failure)}\n${detail}Command was: ${statementOf(failure)};\n\n\n`;
  const chunks = text.match(new RegExp(`[^]{1,${pieceBytes}}`, "g")) ?? [];
  return [
    "pg_restore:",
    " ",
    `from TOC entry ${failure.entry}; 1259 1 INDEX i${failure.entry} o\n`,
    "pg_restore:",
    " ",
    "error: ",
    ...chunks,
  ];
}

const progressOf = (entry: number): string[] => ["pg_restore:", " ", `launching item ${entry} INDEX i${entry}\n`];

/** The pieces of several sessions, each in its own order, mixed as the numbers say. */
function interleave(sessions: readonly (readonly string[])[], turns: readonly number[]): string {
  const left = sessions.map((pieces) => [...pieces]);
  let text = "";
  for (let turn = 0; left.some((pieces) => pieces.length > 0); turn++) {
    const open = left.filter((pieces) => pieces.length > 0);
    text += open[(turns[turn % turns.length] ?? 0) % open.length]?.shift() ?? "";
  }
  return text;
}

const failures = fc.uniqueArray(
  fc.record({ entry: fc.integer({ min: 1, max: 12 }), padding: fc.constantFrom(0, 0, 1000, 2100), detail: fc.boolean() }),
  { selector: ({ entry }) => entry, minLength: 1, maxLength: 6 },
);

/** Without the lines of progress, which are left out as they come. */
async function read(written: string, all: readonly Failure[]) {
  const stream = Readable.from([Buffer.from(written)]);
  const tail = keepTail(stream, { omitStderrLine: progressLine });
  await finished(stream);
  const { stderr } = tail();
  const byStatement = new Map(all.map((one) => [statementOf(one).trim(), one.entry]));
  const entryOf = (statement: string): ScriptEntry | undefined => {
    const number = byStatement.get(statement);
    return number === undefined ? undefined : { type: "INDEX", schema: "public", name: `i${number}`, dumpId: number };
  };
  return { errors: parseRestoreErrors(stderr, { entryOf, tablesNamed: () => [] }), failed: readFailedEntries(stderr), stderr };
}

describe("what sessions write at once", () => {
  test("is either read as each entry's own message, or known to be mixed", async () => {
    let mixed = 0;
    const property = fc.asyncProperty(
      failures,
      fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 80 }),
      fc.integer({ min: 1, max: 3 }),
      async (all, turns, width) => {
        const sessions = Array.from({ length: width }, (_, n) =>
          all.filter((_one, index) => index % width === n).flatMap(piecesOf),
        );
        const stderr = interleave([...sessions, all.flatMap(({ entry }) => progressOf(entry))], turns);
        const run = await read(stderr, all);
        // The numbers of what failed are there whatever is mixed.
        expect([...run.failed].sort()).toEqual(all.map(({ entry }) => entry).sort());
        if (areMixed(run)) {
          mixed++;
          // All of it is loaded again: no piece of two messages may be left for a finding.
          expect(keptErrors(run)).toEqual([]);
          return;
        }
        const messages = new Map(all.map((one) => [one.entry, messageOf(one)]));
        for (const error of run.errors) expect(error.message).toBe(messages.get(error.entry?.dumpId ?? 0));
        expect(new Set(run.errors.map(({ entry }) => entry?.dumpId))).toEqual(new Set(messages.keys()));
      },
    );
    await fc.assert(property, { numRuns: 300 });
    expect(mixed).toBeGreaterThan(10);
  });

  test("by one session alone is never mixed", async () => {
    await fc.assert(
      fc.asyncProperty(failures, async (all) => {
        const run = await read(all.flatMap(piecesOf).join(""), all);
        expect(areMixed(run)).toBe(false);
        expect(run.errors.map(({ message }) => message)).toEqual(all.map(messageOf));
      }),
      { numRuns: 200 },
    );
  });
});
