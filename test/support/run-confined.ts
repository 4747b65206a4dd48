/**
 * Runs as a program of its own, as root or as an ordinary user, what the sandbox's tests ask for on
 * its command line (JSON), and prints the answer (JSON): a shell's script in a sandbox, or a
 * restore test with its assertions.
 */
import { randomBytes } from "node:crypto";
import { openPostgresThrowaway } from "../../src/engines/postgres/place/throwaway.ts";
import type { Assertion } from "../../src/policy/engines/postgres/source.ts";
import { runTool } from "../../src/runtime/child-process.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { findSandbox } from "../../src/runtime/find-sandbox.ts";
import { chooseSandboxUser } from "../../src/runtime/sandbox-user.ts";
import { readerOf } from "../integration/postgres/taken-backup.ts";

export interface ConfinedRequest {
  /** A shell's script, which may write in this directory. */
  readonly shell?: { readonly script: string; readonly writable: string };
  /** A restore test of this archive, with queries that are asked afterwards. */
  readonly test?: {
    readonly archive: string;
    readonly globals: string;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly binDir: string;
    readonly temporary: string;
    readonly ask: Readonly<Record<string, string>>;
    /** Ends the load after so long. */
    readonly stopAfterMs?: number;
  };
}

export interface ConfinedAnswer {
  readonly kind: string;
  readonly uid: number | undefined;
  readonly stdout?: string;
  readonly exitCode?: number;
  readonly answers?: Readonly<Record<string, string>>;
  readonly error?: string;
}

const { environment, signal } = { environment: process.env, signal: new AbortController().signal };

async function runShell({ script, writable }: NonNullable<ConfinedRequest["shell"]>): Promise<ConfinedAnswer> {
  const sandbox = findSandbox({ program: "/usr/bin/setpriv", environment });
  const user = chooseSandboxUser("program");
  if (user !== undefined) {
    const { chownSync } = await import("node:fs");
    chownSync(writable, user.uid, user.gid);
  }
  const confinement = { sandbox, user, writable: [writable], shell: true };
  const { stdout, exitCode } = await runTool("/bin/sh", ["-c", script], { env: {}, signal, confinement });
  return { kind: sandbox.kind, uid: user?.uid, stdout, exitCode };
}

async function runTest(request: NonNullable<ConfinedRequest["test"]>): Promise<ConfinedAnswer> {
  const stop = new AbortController();
  if (request.stopAfterMs !== undefined) setTimeout(() => stop.abort(), request.stopAfterMs);
  const context = {
    clock: systemClock,
    randomBytes,
    signal: stop.signal,
    log: { info: () => {}, warn: () => {} },
    progress: { phase: () => {}, advance: () => {} },
    temporaryDirectory: request.temporary,
    environment,
    toolPath: [request.binDir],
    identity: "test:1",
  };
  const assertions = Object.entries(request.ask).map(([name, sql]): Assertion => ({ name, sql, expect: { equals: "" } }));
  const backup = await readerOf(request.archive, request.globals, request.facts);
  const place = await openPostgresThrowaway(backup, context, { restoreTest: { assertions } });
  const kind = String(place.facts["sandbox"]);
  try {
    await place.load();
    const results = await place.assert();
    return { kind, uid: undefined, answers: Object.fromEntries(results.map(({ name, actual }) => [name, actual])) };
  } catch (error) {
    return { kind, uid: undefined, error: (error as Error).message };
  } finally {
    await place.close();
  }
}

const request = JSON.parse(process.argv[2] ?? "{}") as ConfinedRequest;
const answer = request.shell === undefined ? await runTest(request.test as never) : await runShell(request.shell);
process.stdout.write(JSON.stringify(answer));
