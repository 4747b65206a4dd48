/**
 * The time budget of requests to an S3 server, with a clock that only waiting and attempts move.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors/holdfast-error.ts";
import { isTransient } from "../../../src/vault/s3/errors.ts";
import { makeRetries, type RetryTimes } from "../../../src/vault/s3/retries.ts";

const times: RetryTimes = { retryMs: 300_000, firstContactMs: 30_000, cleanupMs: 10_000 };

function answer(status: number, name: string): Error {
  return Object.assign(new Error("injected"), { name, $metadata: { httpStatusCode: status } });
}

function broken(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

/** Retries on a clock of the test's own; `at` runs once its time has come. */
function makeWorld(options: { readonly random?: () => number; readonly signal?: AbortSignal } = {}) {
  let nowMs = 0;
  const waits: number[] = [];
  const lines: string[] = [];
  const due: { readonly atMs: number; readonly what: () => void }[] = [];
  const pass = (milliseconds: number): void => {
    nowMs += milliseconds;
    for (const { atMs, what } of due) if (atMs <= nowMs) what();
  };
  const retries = makeRetries({
    times,
    url: "s3://vault",
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    log: { info: (message) => lines.push(message), warn: (message) => lines.push(message) },
    async sleep(milliseconds, signal) {
      waits.push(milliseconds);
      const next = due.find(({ atMs }) => atMs > nowMs && atMs <= nowMs + milliseconds);
      pass(next === undefined ? milliseconds : next.atMs - nowMs);
      if (!signal.aborted && next !== undefined) pass(milliseconds);
    },
    random: () => 0,
    ...options,
  });
  return { retries, waits, lines, pass, now: () => nowMs, at: (atMs: number, what: () => void) => due.push({ atMs, what }) };
}

/** A server that fails with `error` from `fromMs` until `untilMs`. */
function makeServer(world: ReturnType<typeof makeWorld>, error: Error, fromMs: number, untilMs: number, attemptMs = 1) {
  let attempts = 0;
  return {
    attempts: () => attempts,
    ask: async () => {
      attempts += 1;
      world.pass(attemptMs);
      if (world.now() >= fromMs && world.now() < untilMs) throw error;
      return "answer";
    },
  };
}

const passing = [
  answer(503, "SlowDown"),
  answer(500, "InternalError"),
  answer(502, "BadGateway"),
  answer(503, "Unknown"),
  answer(504, "GatewayTimeout"),
  answer(521, "Unknown"),
  answer(429, "TooManyRequests"),
  answer(408, "RequestTimeout"),
  answer(400, "RequestTimeout"),
  answer(409, "OperationAborted"),
  answer(200, "SyntaxError"),
  broken("ECONNREFUSED"),
  broken("ECONNRESET"),
  broken("EPIPE"),
  broken("ETIMEDOUT"),
  broken("EAI_AGAIN"),
  broken("ENOTFOUND"),
  broken("EHOSTUNREACH"),
  Object.assign(new Error("silence"), { name: "TimeoutError" }),
];

const lasting = [
  answer(403, "AccessDenied"),
  answer(403, "InvalidAccessKeyId"),
  answer(403, "SignatureDoesNotMatch"),
  answer(404, "NoSuchBucket"),
  answer(404, "NoSuchKey"),
  answer(412, "PreconditionFailed"),
  answer(409, "ConditionalRequestConflict"),
  answer(400, "InvalidRequest"),
  answer(301, "PermanentRedirect"),
  answer(501, "NotImplemented"),
  answer(507, "InsufficientStorage"),
  broken("SELF_SIGNED_CERT_IN_CHAIN"),
  broken("CERT_HAS_EXPIRED"),
  broken("EPROTO"),
  Object.assign(new Error("none"), { name: "CredentialsProviderError" }),
  new HoldfastError("StoreConflict", "changed"),
  new Error("Region is missing"),
];

describe("a request that fails", () => {
  it.each(passing.map((error) => [String(isTransient(error)), error] as const))(
    "is tried again when that may help: %s %s",
    async (_, error) => {
      const world = makeWorld();
      await world.retries.run(async () => "contact");
      const server = makeServer(world, error, 0, 240_000);
      expect(await world.retries.run(server.ask)).toBe("answer");
      expect(world.now()).toBeGreaterThanOrEqual(240_000);
      // Waiting is no busy loop: the waits grow to ten seconds.
      expect(server.attempts()).toBeLessThan(60);
    },
  );

  it.each(lasting.map((error) => [error.name, error] as const))(
    "is not tried again when it cannot help: %s %s",
    async (_, error) => {
      const world = makeWorld();
      const server = makeServer(world, error, 0, Number.POSITIVE_INFINITY);
      await expect(world.retries.run(server.ask)).rejects.toBe(error);
      expect(server.attempts()).toBe(1);
    },
  );

  it("is given up after the budget, and reports why while it waits", async () => {
    const world = makeWorld();
    await world.retries.run(async () => "contact");
    const server = makeServer(world, answer(503, "SlowDown"), 0, Number.POSITIVE_INFINITY);
    await expect(world.retries.run(server.ask)).rejects.toMatchObject({ name: "SlowDown" });
    expect(world.now()).toBeGreaterThanOrEqual(300_000);
    expect(world.now()).toBeLessThan(301_000);
    expect(world.lines[0]).toMatch(/^waiting for the store s3:\/\/vault: 503 SlowDown, \d s \(gives up after 300 s\)$/);
    expect(world.lines.length).toBeGreaterThan(10);
    expect(world.lines.length).toBeLessThan(25);
  });

  it("says when the store answers again", async () => {
    const world = makeWorld();
    const server = makeServer(world, broken("ECONNREFUSED"), 0, 20_000);
    await world.retries.run(server.ask);
    expect(world.lines.at(-1)).toMatch(/^the store s3:\/\/vault answers again after 2\d s$/);
  });

  it("says nothing of a failure that ends at once", async () => {
    const world = makeWorld();
    await world.retries.run(makeServer(world, answer(500, "InternalError"), 0, 100).ask);
    expect(world.lines).toEqual([]);
  });

  it("has little time at an address that never answered, and all of it where the server says that it is busy", async () => {
    const nowhere = makeWorld();
    await expect(nowhere.retries.run(makeServer(nowhere, broken("ENOTFOUND"), 0, Number.POSITIVE_INFINITY).ask)).rejects.toThrow();
    expect(nowhere.now()).toBeLessThan(31_000);
    const busy = makeWorld();
    await expect(busy.retries.run(makeServer(busy, answer(503, "SlowDown"), 0, Number.POSITIVE_INFINITY).ask)).rejects.toThrow();
    expect(busy.now()).toBeGreaterThan(299_000);
  });

  it("has little time after another one was given up, until the server answers", async () => {
    const world = makeWorld();
    await world.retries.run(async () => "contact");
    const server = makeServer(world, broken("ECONNRESET"), 0, 320_000);
    await expect(world.retries.run(server.ask)).rejects.toThrow("ECONNRESET");
    const before = world.now();
    await expect(world.retries.run(server.ask)).rejects.toThrow("ECONNRESET");
    expect(world.now() - before).toBeLessThan(11_000);
    await expect(world.retries.run(server.ask)).resolves.toBe("answer");
  });

  it("is sent once more with the server's time after a refusal for this machine's clock", async () => {
    const world = makeWorld();
    const skewed = answer(403, "RequestTimeTooSkewed");
    const server = makeServer(world, skewed, 0, 50);
    expect(await world.retries.run(server.ask)).toBe("answer");
    expect(server.attempts()).toBe(2);
    const lastingly = makeServer(world, skewed, 0, Number.POSITIVE_INFINITY);
    await expect(world.retries.run(lastingly.ask)).rejects.toBe(skewed);
    expect(lastingly.attempts()).toBe(2);
  });
});

describe("an interruption", () => {
  it("ends the waiting of a request that is under it at once", async () => {
    const stop = new AbortController();
    const world = makeWorld();
    const server = makeServer(world, answer(503, "SlowDown"), 0, Number.POSITIVE_INFINITY);
    world.at(5_000, () => stop.abort());
    await expect(world.retries.run(server.ask, stop.signal)).rejects.toMatchObject({ name: "Interrupted" });
    expect(world.now()).toBeLessThan(6_000);
  });

  it("leaves the rest of the run little time for taking back what is half done", async () => {
    const stop = new AbortController();
    const world = makeWorld({ signal: stop.signal });
    await world.retries.run(async () => "contact");
    world.at(60_000, () => stop.abort());
    const server = makeServer(world, answer(503, "SlowDown"), 0, 65_000);
    // Failing for a minute already, when the run ends: given up with the next attempt.
    await expect(world.retries.run(server.ask)).rejects.toMatchObject({ name: "SlowDown" });
    expect(world.now()).toBeLessThan(62_000);
    // What begins after that has the time of a cleanup.
    await expect(world.retries.run(server.ask)).resolves.toBe("answer");
  });

  it("cuts an attempt that keeps silent after it", async () => {
    const stop = new AbortController();
    const retries = makeRetries({
      times: { ...times, cleanupMs: 20 },
      url: "s3://vault",
      clock: { now: () => new Date(0), monotonicMs: () => performance.now() },
      signal: stop.signal,
    });
    const silent = retries.run(
      (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cut")), { once: true })),
    );
    stop.abort();
    await expect(silent).rejects.toThrow("cut");
  });
});

describe("any outage", () => {
  it("shorter than the budget is survived, longer is given up in time, with bounded attempts", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...passing),
        fc.integer({ min: 0, max: 400_000 }),
        fc.integer({ min: 0, max: 5_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (error, outageMs, attemptMs, spread) => {
          const world = makeWorld({ random: () => spread });
          await world.retries.run(async () => "contact");
          const server = makeServer(world, error, 0, outageMs, attemptMs);
          const result = await world.retries.run(server.ask).catch((failure: unknown) => failure);
          expect(server.attempts()).toBeLessThan(100);
          if (outageMs <= times.retryMs) expect(result).toBe("answer");
          else if (result !== "answer") expect(result).toBe(error);
          // The last attempt may begin at the end of the budget, and no later.
          expect(world.now()).toBeLessThanOrEqual(times.retryMs + 2 * attemptMs + 1);
        },
      ),
      { numRuns: 300, seed: 20261128 },
    );
  });
});
