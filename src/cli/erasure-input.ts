/**
 * Where `holdfast erase add` gets erasures from: its own options, a file, or standard input. Keys
 * are people's data: whoever wants keeps them out of the command line, which all users can see.
 */
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type ErasureDefaults, readRequest } from "../pipeline/erasures/read-requests.ts";
import type { ErasureRequest } from "../pipeline/erasures/record-erasures.ts";
import { parseCsv } from "./parse-csv.ts";

export interface ErasureInput extends ErasureDefaults {
  readonly where?: readonly string[] | undefined;
  readonly set?: readonly string[] | undefined;
  readonly null?: readonly string[] | undefined;
  readonly path?: string | undefined;
  readonly id?: string | undefined;
  readonly file?: string | undefined;
  readonly values?: string | undefined;
}

/** A hundred thousand people in one file. */
const maxFileBytes = 64 * 1024 * 1024;

/**
 * All erasures that the input names. Errors: UsageInvalid, naming each line that is not one and
 * never a value; nothing is taken of such a file.
 */
export async function readErasureInput(input: ErasureInput, stdin: NodeJS.ReadableStream): Promise<readonly ErasureRequest[]> {
  const defaults = { reason: input.reason, reference: input.reference, at: input.at, table: input.table };
  if (input.file === undefined) return [await readOptions(input, stdin)];
  const other = (["where", "set", "null", "path", "id", "values"] as const).find((name) => input[name] !== undefined);
  if (other !== undefined) throw usage(`--file says all of it, and --${other} stands beside it`, `Leave --${other} out.`);
  const text = await readText(input.file, stdin);
  const isCsv = /\.csv$/i.test(input.file);
  const written = isCsv ? rowsOf(text) : linesOf(text);
  const problems: string[] = [];
  const requests: ErasureRequest[] = [];
  for (const { line, value } of written) {
    const request =
      value === undefined
        ? { problem: isCsv ? "it has other columns than the first line" : "it is not JSON" }
        : readRequest(value, defaults);
    if ("problem" in request) problems.push(`line ${line}: ${request.problem}`);
    else requests.push(request);
  }
  if (problems.length === 0) return requests;
  throw new HoldfastError("UsageInvalid", `${input.file}: ${problems.length} lines cannot be recorded; nothing was recorded`, {
    details: problems.slice(0, 100),
    hint: "Write one erasure a line, as docs/erasures.md shows.",
  });
}

async function readOptions(input: ErasureInput, stdin: NodeJS.ReadableStream): Promise<ErasureRequest> {
  const key = new Map<string, string | undefined>();
  for (const pair of input.where ?? []) {
    const [column, value] = splitPair(pair);
    if (key.has(column)) throw usage(`--where names ${column} twice`, "A key is one value for each column.");
    key.set(column, value);
  }
  const open = [...key].filter(([, value]) => value === undefined).map(([column]) => column);
  if (open.length > 0 && input.values === undefined) {
    throw usage(
      `--where ${open[0]} has no value`,
      `Write --where ${open[0]}=VALUE, or --values - and give the values on standard input.`,
    );
  }
  if (open.length === 0 && input.values !== undefined)
    throw usage("--values is given, and every --where has a value", "Leave the values out: --where id --values -.");
  const given = input.values === undefined ? [] : (await readText(input.values, stdin)).replace(/\r?\n$/, "").split(/\r?\n/);
  if (given.length !== open.length) {
    throw usage(`--values has ${given.length} lines for ${open.length} columns`, `Give one line for each of: ${open.join(", ")}.`);
  }
  for (const [index, column] of open.entries()) key.set(column, given[index]);
  const set: [string, string | null][] = (input.null ?? []).map((column) => [column, null]);
  for (const pair of input.set ?? []) {
    const [column, value] = splitPair(pair);
    if (value === undefined) throw usage(`--set ${column} has no value`, `Write --set ${column}=TEXT, or --null ${column}.`);
    set.push([column, value]);
  }
  const request = readRequest({
    ...(input.table === undefined ? {} : { table: input.table }),
    ...(input.path === undefined ? {} : { path: input.path }),
    ...(key.size === 0 ? {} : { key: Object.fromEntries(key) }),
    ...(set.length === 0 ? {} : { set: Object.fromEntries(set) }),
    ...(input.id === undefined ? {} : { id: input.id }),
    ...(input.at === undefined ? {} : { at: input.at }),
    ...(input.reference === undefined ? {} : { reference: input.reference }),
    reason: input.reason,
  });
  if (!("problem" in request)) return request;
  throw usage(
    `this is not an erasure: ${request.problem}`,
    'Write --table public.users --where id=42 --reason "GDPR Art. 17", or --path for files.',
  );
}

/** What stands before the first `=`, and behind it; undefined where there is none. */
function splitPair(pair: string): readonly [string, string | undefined] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, undefined] : [pair.slice(0, at), pair.slice(at + 1)];
}

function* linesOf(text: string): Generator<{ readonly line: number; readonly value: unknown }> {
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    yield { line: index + 1, value };
  }
}

/** Each record's columns are its key. */
function* rowsOf(text: string): Generator<{ readonly line: number; readonly value: unknown }> {
  const [head, ...records] = parseCsv(text);
  for (const { line, fields } of records) {
    const names = head?.fields ?? [];
    const fits = fields.length === names.length;
    yield { line, value: fits ? { key: Object.fromEntries(names.map((name, index) => [name, fields[index]])) } : undefined };
  }
}

async function readText(file: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file !== "-") {
    try {
      if ((await stat(file)).size > maxFileBytes) throw usage(`${file} is larger than ${maxFileBytes} bytes`, "Give it in parts.");
      return await readFile(file, "utf8");
    } catch (error) {
      if (error instanceof HoldfastError) throw error;
      throw usage(
        `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        "Name a file that this user may read, or - for standard input.",
      );
    }
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > maxFileBytes) throw usage(`standard input is longer than ${maxFileBytes} bytes`, "Give it in parts.");
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function usage(message: string, hint: string): HoldfastError {
  return new HoldfastError("UsageInvalid", message, { hint });
}
