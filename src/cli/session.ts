/**
 * What a command runs in: the policy and the pipeline's context, built from the arguments and the
 * environment, and ended with it.
 */
import { randomBytes } from "node:crypto";
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { delimiter, resolve } from "node:path";
import { builtInEngines, type EngineRegistry } from "../engines/engine-registry.ts";
import { type ExitCode, exitCodes } from "../errors/exit-codes.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { AlertableProblem } from "../pipeline/notify/alertable.ts";
import { createPipelineContext, type PipelineContext } from "../pipeline/pipeline-context.ts";
import type { EnginePolicies } from "../policy/engine-policy.ts";
import { loadPolicy } from "../policy/load-policy.ts";
import type { Policy } from "../policy/policy.ts";
import type { SourceStatus } from "../report/status-model.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Log, RunContext } from "../runtime/run-context.ts";
import { invocationOn, type PolicySource } from "./policy-source.ts";
import { createProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { holdfastVersion } from "./version.ts";

/** What a command found: the document for --json, the lines for people, and the exit code. */
export interface Outcome {
  readonly document: unknown;
  /** Each is one line on the terminal, whatever a name in it holds. */
  readonly lines: readonly string[];
  readonly exitCode?: ExitCode | undefined;
  /**
   * An operation that failed elsewhere, and of which the document tells more: printed as an error,
   * with the document around it.
   */
  readonly error?: HoldfastError | undefined;
  /** What somebody should hear of, with --alert. */
  readonly problems?: readonly AlertableProblem[] | undefined;
  /** Of `status`: with --alert, only what changed since the last look is sent. */
  readonly measured?: readonly SourceStatus[] | undefined;
  /** What is left to do when all is said: a kept restore waits for its end. */
  readonly afterwards?: (() => Promise<void>) | undefined;
}

export interface Session {
  readonly terminal: Terminal;
  readonly context: PipelineContext;
  /** The deployed stack that the command speaks to; absent: this machine alone. */
  readonly stack?: string | undefined;
  /** How the command is called here, for messages with a command to copy. */
  readonly invocation?: string | undefined;
}

const localInterruption = "interrupted: cleaning up; press Ctrl-C again to quit at once";
/** Also before anything was started there. */
export const stackInterruption = "interrupted: an execution that was started goes on; press Ctrl-C again to quit at once";

/**
 * Opens a session on the policy at `policySource`, runs `work` in it, prints the outcome, and gives
 * the exit code.
 */
export async function runSession(
  terminal: Terminal,
  policySource: PolicySource,
  work: (session: Session) => Promise<Outcome>,
  engines: EngineRegistry = builtInEngines,
): Promise<ExitCode> {
  const interruption = catchSignals(terminal, "stack" in policySource ? stackInterruption : localInterruption);
  const progress = createProgress(terminal, systemClock);
  try {
    const policy = await readPolicyFrom(policySource, interruption.signal, engines.policies);
    const run: RunContext = {
      clock: systemClock,
      randomBytes: (count) => randomBytes(count),
      signal: interruption.signal,
      log: stderrLog(terminal),
      progress,
      temporaryDirectory: resolve(process.env["HOLDFAST_TMPDIR"] || tmpdir()),
      toolPath: (process.env["HOLDFAST_PG_PATH"] ?? "").split(delimiter).filter((directory) => directory !== ""),
      actor: userName(),
      identity: `${hostname()}:${process.pid}`,
      environment: process.env,
    };
    const context = createPipelineContext(policy, run, holdfastVersion(), engines);
    try {
      const invocation = invocationOn(policySource);
      const outcome = await work({
        terminal,
        context,
        invocation,
        ...("stack" in policySource ? { stack: policySource.stack } : {}),
      });
      progress.end();
      const exitCode = printOutcome(terminal, outcome);
      if (outcome.afterwards !== undefined) {
        await terminal.flush();
        await outcome.afterwards();
      }
      return exitCode;
    } finally {
      context.close();
    }
  } finally {
    progress.abandon();
    interruption.release();
  }
}

/** Prints an outcome, and gives its exit code. */
export function printOutcome(terminal: Terminal, { document, lines, exitCode = exitCodes.done, error }: Outcome): ExitCode {
  if (error === undefined) terminal.result(document, lines);
  else terminal.error(error, document);
  return exitCode;
}

async function readPolicyFrom(policySource: PolicySource, signal: AbortSignal, engines: EnginePolicies): Promise<Policy> {
  if ("file" in policySource)
    return loadPolicy(resolve(policySource.file), { home: homedir(), displayName: policySource.file, engines });
  return (await import("./stack/read-stack-policy.ts")).readStackPolicy(policySource.stack, signal, engines);
}

/**
 * A terminal that is closed (SIGHUP) stops a run like a person does: its tools are groups of their
 * own, and would go on without it.
 */
const stoppingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The first such signal aborts the run, saying `words`; the second ends the process at once. */
export function catchSignals(terminal: Terminal, words: string): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    terminal.note(name === "SIGINT" ? words : words.replace("interrupted", `interrupted by ${name}`));
    controller.abort(new HoldfastError("Interrupted", `the operation was interrupted by ${name}`));
  };
  for (const name of stoppingSignals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release() {
      for (const name of stoppingSignals) process.off(name, onSignal);
    },
  };
}

/** In a container this user may have a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

function stderrLog(terminal: Terminal): Log {
  const write = (level: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    const facts = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    terminal.note([`${level}:`, message, ...facts].join(" "));
  };
  return {
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warning", message, fields),
  };
}
