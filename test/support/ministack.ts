/**
 * A MiniStack of one's own on the loopback interface, gone when this process is, however it ends:
 * for tests and for `npm run cloud`.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureMiniStack } from "../../scripts/ministack.ts";
import { reachableNode } from "../../scripts/reachable-node.ts";
import { ending, waitFor } from "./processes.ts";
import { startSupervisor } from "./supervisor.ts";

export interface MiniStackOptions {
  /** Default: one that is free. */
  readonly port?: number;
  /** Starts it through the wrapper of corrections (scripts/cloud-ministack.py). */
  readonly corrected?: boolean;
  /**
   * Enforces IAM for every call that carries a role's credentials; the access key `test` is the
   * account's root.
   */
  readonly enforceIam?: boolean;
  /** Waits and pauses between retries of state machines are multiplied by this; default: 1. */
  readonly waitScale?: number;
  /** Corrected: the directory that plays /var/task of the image whose containers Fargate runs. */
  readonly tasks?: string;
}

export interface MiniStackServer {
  /** `http://127.0.0.1:<port>`, for every AWS service. */
  readonly endpoint: string;
  /** Its files, those of its functions too; gone after `stop`. */
  readonly directory: string;
  /** What it has said so far. */
  log(): string;
  stop(): Promise<void>;
}

const startMs = 60_000;
const wrapper = join(import.meta.dirname, "../../scripts/cloud-ministack.py");

/** $1: the process group of MiniStack, with its functions' processes; $2: its directory. */
const supervisorScript = `
  kill -s TERM -- "-$1" 2>/dev/null; tries=0
  while kill -s 0 -- "-$1" 2>/dev/null && [ $tries -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL -- "-$1" 2>/dev/null
  rm -rf "$2" || { sleep 1; rm -rf "$2"; }`;

/**
 * Starts it, installing it first where it is missing, and waits until it answers. Any access key
 * and secret will do.
 */
export async function startMiniStack(options: MiniStackOptions = {}): Promise<MiniStackServer> {
  const { python, args } = ensureMiniStack();
  const port = options.port ?? (await findFreePort());
  const directory = mkdtempSync(join(tmpdir(), "holdfast-ministack-"));
  chmodSync(directory, 0o755); // functions run as a user of their own
  const logFile = join(directory, "ministack.log");
  const log = openSync(logFile, "a");
  const child = spawn(python, options.corrected === true ? [wrapper] : args, {
    cwd: directory,
    // A group and a session of its own: Ctrl-C does not reach it, and the supervisor ends all of
    // it.
    detached: true,
    stdio: ["ignore", log, log],
    env: environment(port, directory, options),
  });
  const supervisor = startSupervisor(supervisorScript, [String(child.pid), directory]);
  let ended = false;
  const end = ending(child).finally(() => {
    ended = true;
  });
  end.catch(() => undefined);
  child.unref();
  const endpoint = `http://127.0.0.1:${port}`;
  const said = (): string => readFileSync(logFile, "utf8");
  const answers = async (): Promise<boolean> => {
    if (ended) throw new Error(`MiniStack ended while it was starting: ${said().slice(-4000)}`);
    return fetch(`${endpoint}/_ministack/health`).then(
      (response) => response.ok,
      () => false,
    );
  };
  try {
    await waitFor(`MiniStack at ${endpoint}`, answers, startMs);
  } catch (error) {
    await supervisor.dismiss();
    throw error;
  }
  return {
    endpoint,
    directory,
    log: said,
    async stop() {
      child.ref();
      await supervisor.dismiss();
      await end;
    },
  };
}

/**
 * None of this process's own variables: its functions would inherit them, and a person's AWS
 * profile with them.
 */
function environment(
  port: number,
  directory: string,
  { enforceIam = false, waitScale = 1, tasks }: MiniStackOptions,
): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(reachableNode())}:${process.env["PATH"] ?? ""}`,
    LANG: "C.UTF-8",
    // Of the corrections: nothing is written into the checkout.
    PYTHONDONTWRITEBYTECODE: "1",
    AUTH: String(enforceIam),
    GATEWAY_PORT: String(port),
    BIND_HOST: "127.0.0.1",
    IOT_MTLS_ENABLED: "false",
    LAMBDA_EXECUTOR: "local",
    SFN_WAIT_SCALE: String(waitScale),
    LOG_LEVEL: enforceIam ? "INFO" : "WARNING",
    HOME: directory,
    TMPDIR: directory,
    ...(tasks === undefined ? {} : { HOLDFAST_CLOUD_TASKS: tasks }),
  };
}

/** A port that was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
