/** A MiniStack of the tests' own, on a free port of the loopback interface, gone when its process is. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureMiniStack } from "../../scripts/ministack.ts";
import { ending, waitFor } from "./processes.ts";
import { startWarden } from "./warden.ts";

export interface MiniStackServer {
  /** `http://127.0.0.1:<port>`, for every AWS service. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

const startMs = 60_000;

/** Starts it, installing it first where it is missing, and waits until it answers. Any access key and secret will do. */
export async function startMiniStack(): Promise<MiniStackServer> {
  const { python, args } = ensureMiniStack();
  const port = await findFreePort();
  const directory = mkdtempSync(join(tmpdir(), "holdfast-ministack-"));
  const child = spawn(python, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
      GATEWAY_PORT: String(port),
      BIND_HOST: "127.0.0.1",
      IOT_MTLS_ENABLED: "false",
      LAMBDA_EXECUTOR: "local",
      LOG_LEVEL: "WARNING",
      HOME: directory,
      TMPDIR: directory,
    },
  });
  const warden = startWarden('kill -TERM "$1" 2>/dev/null; sleep 1; kill -KILL "$1" 2>/dev/null; rm -rf "$2"', [
    String(child.pid),
    directory,
  ]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString("utf8")).slice(-4000);
    });
  }
  let ended = false;
  const end = ending(child).finally(() => {
    ended = true;
  });
  end.catch(() => undefined);
  const endpoint = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> => {
    if (ended) throw new Error(`MiniStack ended while it was starting: ${output}`);
    return fetch(`${endpoint}/_ministack/health`).then(
      (response) => response.ok,
      () => false,
    );
  };
  try {
    await waitFor(`MiniStack at ${endpoint}`, answers, startMs);
  } catch (error) {
    await warden.dismiss();
    throw error;
  }
  return {
    endpoint,
    async stop() {
      await warden.dismiss();
      await end;
    },
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
