/** `holdfast find`: which backups hold an object, and how it changed between them. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { findObject, type Sighting } from "../../pipeline/find-object.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import { type FindWords, findEngine } from "../../policy/engine-policy.ts";
import type { ObjectSum } from "../../proof/listed-object.ts";
import { formatAge, formatBytes, renderTable } from "../../report/format.ts";
import { countOf } from "../count.ts";
import { parseLast } from "../parse-last.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";

export async function find(
  { context, terminal }: Session,
  source: string,
  options: Readonly<Record<string, string | undefined>>,
): Promise<Outcome> {
  const last = parseLast(options["last"]);
  const { words, given } = chooseWords(context, source, options);
  const sightings = await findObject(context, { source, matches: words.compile(given), last });
  const what = `${words.name} ${given}`;
  const changes = sightings.map((sighting, index) => describeChange(sighting, lastKnown(sightings, index)));
  const now = context.run.clock.now();
  const table = renderTable({
    head: ["BACKUP", "AGE", "STATE", "ROWS", "BYTES", "SHA-256", "CHANGE"],
    rows: sightings.map(({ id, startedAt, state, suspicious, held, unknown }, index) => [
      id,
      formatAge(startedAt, now),
      `${stateLabel(terminal, state)}${suspicious ? `, ${terminal.style("yellow", "suspicious")}` : ""}`,
      held?.rows?.toLocaleString("en-US") ?? "-",
      held === undefined ? "-" : formatBytes(held.bytes),
      held?.sha256 === undefined || held.sha256 === "" ? "-" : held.sha256.slice(0, 12),
      unknown === undefined ? (changes[index] ?? "") : terminal.style("yellow", "not known"),
    ]),
  });
  return {
    document: {
      source,
      object: { [words.name]: given },
      backups: sightings.map(({ unknown, ...sighting }, index) => ({
        ...sighting,
        ...(unknown === undefined && changes[index] !== "" ? { change: changes[index] } : {}),
        ...(unknown instanceof HoldfastError ? { error: errorDocument(unknown) } : {}),
        ...(unknown === "not read back" ? { notReadBack: true } : {}),
      })),
    },
    lines: [...(sightings.length === 0 ? [] : table), ...describeUnknown(sightings), ...conclude(what, source, sightings)],
    exitCode: exitCodeOf(sightings),
  };
}

/** The option of the source's engine, which must be the one that was given. */
function chooseWords(
  { policy, engines }: PipelineContext,
  source: string,
  options: Readonly<Record<string, string | undefined>>,
): { readonly words: FindWords; readonly given: string } {
  const { engine } = requireSource(policy, source);
  const words = findEngine(engines.policies, engine)?.find;
  if (words === undefined) throw new HoldfastError("UsageInvalid", `backups of ${source} (${engine}) hold nothing that has a name`);
  const other = engines.policies.find(({ find: each }) => each !== undefined && each.name !== words.name && options[each.name]);
  const given = options[words.name];
  if (given === undefined || given.trim() === "" || other?.find !== undefined) {
    throw new HoldfastError("UsageInvalid", `find takes --${words.name} <${words.value}> for ${source}, ${words.description}`);
  }
  return { words, given };
}

/** The newest backup before this one of which something is known. */
function lastKnown(sightings: readonly Sighting[], index: number): Sighting | undefined {
  return sightings.slice(0, index).findLast(({ unknown }) => unknown === undefined);
}

function describeChange({ held }: Sighting, earlier: Sighting | undefined): string {
  if (earlier === undefined) return held === undefined ? "not in it" : "";
  const before = earlier.held;
  if (before === undefined) return held === undefined ? "not in it" : "new";
  if (held === undefined) return "gone";
  if (isSame(before, held)) return "same";
  if ((before.rows ?? 0) > 0 && held.rows === 0) return "emptied";
  const rows = (held.rows ?? 0) - (before.rows ?? 0);
  if (rows !== 0) return `${countOf(Math.abs(rows), "row")} ${rows < 0 ? "fewer" : "more"}`;
  return "changed";
}

function isSame(a: ObjectSum, b: ObjectSum): boolean {
  if (a.objects !== b.objects || a.rows !== b.rows || a.bytes !== b.bytes) return false;
  return a.sha256 === undefined || b.sha256 === undefined || a.sha256 === b.sha256;
}

function describeUnknown(sightings: readonly Sighting[]): string[] {
  return sightings.flatMap(({ id, unknown }) => {
    if (unknown === undefined) return [];
    if (unknown === "not read back") return [`not known  ${id} was never read back: holdfast verify ${id}`];
    return [`not known  ${id}: ${unknown.message} (${unknown.name})`, `  ${unknown.hint}`];
  });
}

/** When it was last there, and with content. */
function conclude(what: string, source: string, sightings: readonly Sighting[]): string[] {
  const holding = sightings.filter(({ held }) => held !== undefined);
  const newest = holding.at(-1);
  if (newest === undefined) return [`no backup of ${source} is known to hold ${what}`];
  const filled = holding.findLast(({ held, state }) => state !== "damaged" && (held?.rows ?? held?.bytes ?? 0) > 0);
  if (filled === undefined || filled === sightings.at(-1)) return [];
  return [`${what} was last there with content in ${filled.id}: holdfast restore ${filled.id} --to <target>`];
}

/** A script must not take what nobody could read for what is not there. */
function exitCodeOf(sightings: readonly Sighting[]): ExitCode {
  if (sightings.some(({ held }) => held !== undefined)) return exitCodes.done;
  const failed = sightings.find(({ unknown }) => unknown !== undefined)?.unknown;
  if (failed instanceof HoldfastError) return failed.exitCode;
  return failed === undefined ? exitCodes.notFound : exitCodes.failed;
}
