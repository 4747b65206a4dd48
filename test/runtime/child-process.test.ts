import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { pipeTool, runTool, streamTool } from "../../src/runtime/child-process.ts";
import type { ToolExit } from "../../src/runtime/process-group.ts";

const never = new AbortController().signal;
const fail = (exit: ToolExit) => new HoldfastError("DumpFailed", `tool ended with ${exit.exitCode}`, { details: [exit.stderr] });
const plain = { env: {}, signal: never, fail };

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("runTool", () => {
  it("gives output, errors and exit status, and exactly the environment asked for", async () => {
    const result = await runTool("/bin/sh", ["-c", "env | sort; echo no >&2; exit 3"], { env: { PGUSER: "me" }, signal: never });
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toBe("no\n");
    const names = result.stdout.split("\n").map((line) => line.split("=")[0]);
    expect(names.filter((name) => !["", "_", "PWD", "SHLVL", "OLDPWD"].includes(name as string))).toEqual([
      "LANG",
      "LC_ALL",
      "PATH",
      "PGUSER",
      "TZ",
    ]);
  });

  it("names a program that is missing or not executable", async () => {
    await expect(runTool("/nonexistent/pg_dump", [], plain)).rejects.toMatchObject({
      name: "ToolMissing",
      message: expect.stringContaining("/nonexistent/pg_dump"),
    });
    await expect(runTool("/etc/passwd", [], plain)).rejects.toMatchObject({ name: "ToolMissing" });
  });

  it("feeds text and streams", async () => {
    expect((await runTool("/bin/cat", [], { ...plain, input: "hello" })).stdout).toBe("hello");
    expect((await runTool("/bin/cat", [], { ...plain, input: Readable.from([Buffer.from("a"), Buffer.from("b")]) })).stdout).toBe(
      "ab",
    );
  });

  it("refuses more output than it may hold", async () => {
    await expect(runTool("/bin/sh", ["-c", "yes"], { ...plain, maxOutputBytes: 1000 })).rejects.toMatchObject({ name: "Internal" });
  });

  it("stops the whole group on abort and gives the abort's reason", async () => {
    const controller = new AbortController();
    const running = runTool("/bin/sh", ["-c", "sleep 60 & wait"], { env: {}, signal: controller.signal });
    await sleep(100);
    controller.abort(new HoldfastError("LeaseLost", "the lease was taken over"));
    await expect(running).rejects.toMatchObject({ name: "LeaseLost" });
  });

  it("keeps the end of a long standard error", async () => {
    const result = await runTool("/bin/sh", ["-c", "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done"], plain);
    expect(result.stderr.length).toBeLessThan(200_000);
    expect(result.stderr.endsWith("line 19999\n")).toBe(true);
    expect(result.stderr.startsWith("line ")).toBe(true);
  });
});

describe("streamTool", () => {
  it("ends after exit status 0 with every byte", async () => {
    const tool = streamTool("/bin/sh", ["-c", "head -c 30000000 /dev/zero"], plain);
    expect((await collect(tool.stdout)).length).toBe(30_000_000);
    await expect(tool.done).resolves.toMatchObject({ exitCode: 0 });
  });

  it("never ends when the tool fails after its last byte", async () => {
    const tool = streamTool("/bin/sh", ["-c", "head -c 100000 /dev/zero; sleep 0.1; echo boom >&2; exit 1"], plain);
    let ended = false;
    tool.stdout.on("end", () => {
      ended = true;
    });
    await expect(collect(tool.stdout)).rejects.toMatchObject({ name: "DumpFailed", details: ["boom\n"] });
    expect(ended).toBe(false);
    await expect(tool.done).rejects.toMatchObject({ name: "DumpFailed" });
  });

  it("never ends when the tool is killed", async () => {
    const tool = streamTool("/bin/sh", ["-c", "head -c 100000 /dev/zero; exec sleep 60"], plain);
    setTimeout(() => process.kill(tool.pid as number, "SIGKILL"), 100);
    await expect(collect(tool.stdout)).rejects.toMatchObject({ message: "tool ended with 137" });
  });

  it("stops a tool whose output nobody reads, on abort", async () => {
    const controller = new AbortController();
    const tool = streamTool("/bin/sh", ["-c", "yes"], { env: {}, signal: controller.signal, fail });
    await sleep(100);
    controller.abort();
    await expect(tool.done).rejects.toMatchObject({ name: "Interrupted" });
    expect(isAlive(tool.pid as number)).toBe(false);
  });

  it("stops the tool when its consumer fails, before the consumer's error is told", async () => {
    const tool = streamTool("/bin/sh", ["-c", "yes"], plain);
    const full = new HoldfastError("DiskFull", "no room");
    const broken = new PassThrough({ transform: (_chunk, _encoding, callback) => callback(full) });
    await expect(pipeline(tool.stdout, broken)).rejects.toBe(full);
    await expect(tool.done).rejects.toBeInstanceOf(Error);
    expect(isAlive(tool.pid as number)).toBe(false);
  });

  it("kills a tool that ignores SIGTERM", async () => {
    const controller = new AbortController();
    const tool = streamTool("/bin/sh", ["-c", "trap '' TERM; while true; do sleep 0.2; done"], {
      env: {},
      signal: controller.signal,
      fail,
    });
    await sleep(100);
    controller.abort();
    await expect(tool.done).rejects.toMatchObject({ name: "Interrupted" });
    expect(isAlive(tool.pid as number)).toBe(false);
  }, 10_000);

  it("reports a missing program through the stream", async () => {
    const tool = streamTool("/nonexistent/tool", [], plain);
    await expect(collect(tool.stdout)).rejects.toMatchObject({ name: "ToolMissing" });
  });
});

describe("pipeTool", () => {
  it("passes large data through unchanged", async () => {
    const data = randomBytes(5_000_000);
    const tool = pipeTool("/bin/cat", [], Readable.from([data.subarray(0, 3_000_000), data.subarray(3_000_000)]), plain);
    const result = await collect(tool.stdout);
    expect(createHash("sha256").update(result).digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
  });

  it("prefers the tool's own words over EPIPE", async () => {
    const endless = Readable.from(
      (function* () {
        while (true) yield Buffer.alloc(65536);
      })(),
    );
    const tool = pipeTool("/bin/sh", ["-c", "head -c 1000 >/dev/null; echo 'bad header' >&2; exit 1"], endless, plain);
    await expect(collect(tool.stdout)).rejects.toMatchObject({ name: "DumpFailed", details: ["bad header\n"] });
    expect(endless.destroyed).toBe(true);
  });

  it("reads the input to its end even when the tool needs no more of it", async () => {
    let sawEnd = false;
    const input = Readable.from(
      (function* () {
        for (let i = 0; i < 100; i++) yield Buffer.alloc(65536);
        sawEnd = true;
      })(),
    );
    const tool = pipeTool("/bin/sh", ["-c", "head -c 10 >/dev/null"], input, plain);
    await collect(tool.stdout);
    expect(sawEnd).toBe(true);
  });

  it("gives the input's own error, and never lets the output end", async () => {
    const broken = new HoldfastError("SealInvalid", "frame 3 is not authentic");
    const input = new Readable({ read() {} });
    input.push(Buffer.from("some"));
    setTimeout(() => input.destroy(broken), 50);
    const tool = pipeTool("/bin/cat", [], input, plain);
    await expect(collect(tool.stdout)).rejects.toBe(broken);
  });

  it("gives an error at the input's end although the tool has ended well", async () => {
    const broken = new HoldfastError("ArtifactDamaged", "digest differs");
    const input = Readable.from(
      (async function* () {
        yield Buffer.alloc(100);
        await sleep(200);
        throw broken;
      })(),
    );
    const tool = pipeTool("/bin/sh", ["-c", "head -c 10 >/dev/null"], input, plain);
    await expect(collect(tool.stdout)).rejects.toBe(broken);
  });
});
