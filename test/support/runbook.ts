/**
 * Runbooks as a tired person uses them: the commands of a page's console blocks are run in order,
 * and what they print is compared with what the page says they print.
 *
 * Ids, times, sizes and durations differ at every run, and compare as such. A line that is `…`
 * stands for any lines, `…` in a line for any text, and `(exit code 4)` for how the command ended.
 */
import { run } from "./processes.ts";

export interface RunbookStep {
  readonly command: string;
  /** What the page says that it prints. */
  readonly expected: readonly string[];
}

export interface Runbook {
  readonly steps: readonly RunbookStep[];
  /** Languages of blocks that nobody runs here. */
  readonly otherBlocks: readonly string[];
}

const fence = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** The steps of a page, in order. A command goes on in lines that begin with `> `. */
export function readRunbook(markdown: string): Runbook {
  const steps: { command: string; expected: string[] }[] = [];
  const otherBlocks: string[] = [];
  for (const [, language = "", block = ""] of markdown.matchAll(fence)) {
    if (language !== "console") {
      otherBlocks.push(language);
      continue;
    }
    for (const line of block.split("\n").slice(0, -1)) {
      const last = steps.at(-1);
      if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: [] });
      else if (line.startsWith("> ") && last?.expected.length === 0) last.command += `\n${line.slice(2)}`;
      else if (last === undefined) throw new Error(`a console block begins without a command: ${line}`);
      else last.expected.push(line);
    }
  }
  return { steps, otherBlocks };
}

export interface SandboxOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What the page writes, and what stands for it here: paths, times of day. */
  readonly replacements: readonly (readonly [written: string, here: string])[];
}

/** Replaces in one pass; the longest written texts first. */
function replaceAll(text: string, pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return text;
  const sorted = [...pairs].sort(([a], [b]) => b.length - a.length);
  const pattern = new RegExp(sorted.map(([from]) => from.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "g");
  return text.replaceAll(pattern, (found) => sorted.find(([from]) => from === found)?.[1] ?? found);
}

export interface StepResult {
  readonly command: string;
  /** What it printed, in the page's words. */
  readonly actual: readonly string[];
  /** Whether that is what the page says. */
  readonly fits: boolean;
  readonly expected: readonly string[];
}

/** Runs the steps one after the other; it goes on after one that does not fit. */
export async function runSteps(steps: readonly RunbookStep[], options: SandboxOptions): Promise<StepResult[]> {
  /** The page's ids, and those of the backups that were really made. */
  const ids = new Map<string, string>();
  const results: StepResult[] = [];
  for (const { command, expected } of steps) {
    const script = `{ ${replaceAll(command, [...options.replacements, ...ids])}\n} 2>&1`;
    const ran = await run("bash", ["--noprofile", "--norc", "-o", "pipefail", "-c", script], {
      cwd: options.cwd,
      env: options.env,
      timeoutMs: 170_000,
    });
    const back = options.replacements.map(([written, here]) => [here, written] as const);
    const printed = replaceAll(ran.stdout.trimEnd(), back);
    const actual = [...(printed === "" ? [] : printed.split("\n").map((line) => line.trimEnd())), ...endOf(ran.code)];
    const fits = matchLines(expected, actual, ids);
    results.push({ command, actual, fits, expected });
  }
  return results;
}

function endOf(code: number | undefined): string[] {
  return code === 0 ? [] : [`(exit code ${code})`];
}

const idPattern = /\d{8}T\d{6}Z-(?:full|incremental|differential|log)(?:-first)?-[0-9a-z]{6}/g;

/** What differs at every run, as what it is. */
export function normalise(line: string): string {
  return line
    .replaceAll(idPattern, "<id>")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?[+-]\d\d:\d\d)?/g, "<time>")
    .replaceAll(/\d{8}T\d{6,9}Z/g, "<time>")
    .replaceAll(/_\d{8}t\d{6}z\b/g, "_<time>")
    .replaceAll(/[\w.-]+@[\w.-]+:\d+/g, "<who>")
    .replaceAll(/\bMCow[\w+/]+=*/g, "<public key>")
    .replaceAll(/\b[0-9a-f]{12,}\b/g, "<hex>")
    .replaceAll(/\b\d+(?:[.,]\d+)? (?:B|[kMGT]i?B|bytes?)(?:\/s)?(?=$|[^\w])/g, "<size>")
    .replaceAll(/\b(?:\d+(?:\.\d+)? (?:ms|s|min|h|d|days?|hours?|minutes?|seconds?)\b ?)+/g, "<duration> ")
    .replaceAll(/(?<=127\.0\.0\.1:|port=|localhost:)\d+/g, "<port>")
    .replaceAll(/-{3,}|\s+/g, (found) => (found.startsWith("-") ? "---" : " "))
    .trim();
}

/** Whether the lines are those that were expected; learns which ids stand for which. */
function matchLines(expected: readonly string[], actual: readonly string[], ids: Map<string, string>): boolean {
  const rest = (from: number, at: number): boolean => {
    const line = expected[from];
    if (line === undefined) return at === actual.length;
    if (line.trim() === "…") {
      for (let next = at; next <= actual.length; next += 1) if (rest(from + 1, next)) return true;
      return false;
    }
    const found = actual[at];
    if (found === undefined || !matchLine(line, found) || !rest(from + 1, at + 1)) return false;
    const [written, here] = [line.match(idPattern) ?? [], found.match(idPattern) ?? []];
    if (written.length === here.length) for (const [index, id] of written.entries()) ids.set(id, here[index] ?? id);
    return true;
  };
  return rest(0, 0);
}

function matchLine(expected: string, actual: string): boolean {
  const parts = normalise(expected)
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(normalise(actual));
}

/** The page with what the commands really printed, where that does not fit. */
export function rewriteRunbook(markdown: string, results: readonly StepResult[]): string {
  let step = 0;
  return markdown.replaceAll(fence, (whole, language: string) => {
    if (language !== "console") return whole;
    const lines: string[] = [];
    for (const line of whole.split("\n").slice(1, -1)) if (line.startsWith("$ ")) lines.push(line);
    const made = lines.flatMap(() => {
      const result = results[step];
      step += 1;
      if (result === undefined) return [];
      const [first = "", ...more] = result.command.split("\n");
      return [`$ ${first}`, ...more.map((each) => `> ${each}`), ...(result.fits ? result.expected : result.actual)];
    });
    return ["```console", ...made, "```"].join("\n");
  });
}
