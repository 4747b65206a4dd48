import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { LeaseRecord } from "../../src/vault/documents/lease-record.ts";
import { readSmall } from "../../src/vault/documents/read-small.ts";
import { keyOf } from "../../src/vault/layout.ts";
import { acquireLease, type LeaseRequest, type LeaseSubject } from "../../src/vault/leases.ts";
import type { ObjectStore } from "../../src/vault/object-store.ts";
import { machineProcesses, type ProcessTable } from "../../src/vault/process-identity.ts";
import { makeFaultyStore } from "../support/faulty-store.ts";
import { makeMemoryStore } from "../support/memory-store.ts";
import { makeClock, makeMachine } from "../support/played-machines.ts";

const shop: LeaseSubject = { source: "shop", stream: "backup" };
const key = keyOf.lease("shop", "backup");
const ttlSeconds = 600;

const request = (clock: LeaseRequest["clock"], processes: ProcessTable | null = null, holder = "a:1"): LeaseRequest => ({
  holder,
  purpose: "full backup",
  ttlSeconds,
  clock,
  processes,
});

async function stored(store: ObjectStore): Promise<LeaseRecord> {
  return JSON.parse(Buffer.from((await readSmall(store, key)).bytes).toString("utf8")) as LeaseRecord;
}

describe("a lease", () => {
  it("is held by one, who is named with purpose, beginning and end, and numbers its holders for ever", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    const first = await acquireLease(store, shop, request(clock));
    expect([first.fencing, first.heldSince.toISOString()]).toEqual([1, "2026-11-20T02:00:00.000Z"]);
    await expect(acquireLease(store, shop, request(clock, null, "b:2"))).rejects.toMatchObject({
      name: "LeaseHeld",
      message: expect.stringMatching(
        /in use by a:1 since 2026-11-20T02:00:00\.000Z, for: full backup; .* ends at 2026-11-20T02:11:00\.000Z$/,
      ),
    });
    await first.release();
    await first.release();
    const second = await acquireLease(store, shop, request(clock, null, "b:2"));
    expect(second.fencing).toBe(2);
    await expect(first.renew()).rejects.toMatchObject({ name: "LeaseLost" });
    await expect(first.assertHeld()).rejects.toMatchObject({ name: "LeaseLost" });
    await first.release();
    await second.assertHeld();
    expect((await stored(store)).released).toBe(false);
    expect((await acquireLease(store, { ...shop, source: "wiki" }, request(clock))).fencing).toBe(1);
  });

  it("goes to one of many who ask at once", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    for (let round = 1; round <= 20; round += 1) {
      const asking = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) => acquireLease(store, shop, request(clock, null, `h:${index}`))),
      );
      const won = asking.filter((outcome) => outcome.status === "fulfilled");
      expect(won).toHaveLength(1);
      for (const outcome of asking) if (outcome.status === "rejected") expect(outcome.reason.name).toBe("LeaseHeld");
      expect(won[0]?.value.fencing).toBe(round);
      await won[0]?.value.release();
    }
  });

  it("lasts from its last renewal, and is taken over when it has expired, with what clocks may differ by on top", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    const first = await acquireLease(store, shop, request(clock));
    clock.pass(500);
    await first.renew();
    clock.pass(600);
    await expect(acquireLease(store, shop, request(clock))).rejects.toMatchObject({ name: "LeaseHeld" });
    clock.pass(61);
    const second = await acquireLease(store, shop, request(clock));
    expect(second.fencing).toBe(2);
    await expect(first.assertHeld()).rejects.toMatchObject({ name: "LeaseLost" });
  });

  it("stays its holder's when it has expired and nobody wanted it", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    const lease = await acquireLease(store, shop, request(clock));
    clock.pass(100_000);
    await lease.assertHeld();
    await expect(acquireLease(store, shop, request(clock))).rejects.toMatchObject({ name: "LeaseHeld" });
  });

  it("is not readable: said, not stolen", async () => {
    const store = makeMemoryStore();
    for (const text of ["", "{}", JSON.stringify({ formatVersion: 3 })]) {
      await store.put(key, Buffer.from(text));
      await expect(acquireLease(store, shop, request(makeClock()))).rejects.toMatchObject({ name: "VaultInvalid" });
    }
  });
});

describe("a lease on one machine", () => {
  it("is free at once when its holder has died, or its process id belongs to another now", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    const machine = makeMachine("boot-1");
    const processes = machine.start();
    await acquireLease(store, shop, request(clock, processes));
    await expect(acquireLease(store, shop, request(clock, machine.start()))).rejects.toMatchObject({ name: "LeaseHeld" });
    machine.alive.delete(processes.self?.pid ?? 0);
    expect((await acquireLease(store, shop, request(clock, machine.start()))).fencing).toBe(2);
  });

  it("cares for no clock: neither one set forward nor one set back frees it or keeps it", async () => {
    const store = makeMemoryStore();
    const clock = makeClock();
    const machine = makeMachine("boot-1");
    await acquireLease(store, shop, request(clock, machine.start()));
    for (const jump of [86_400, -400 * 86_400]) {
      clock.wallMs += jump * 1000;
      await expect(acquireLease(store, shop, request(clock, machine.start()))).rejects.toMatchObject({ name: "LeaseHeld" });
    }
    machine.uptime += 601_000;
    expect((await acquireLease(store, shop, request(clock, machine.start()))).fencing).toBe(2);
  });

  it("knows the real processes: this one lives, a dead one and a reused id do not, a stranger is unknown", async () => {
    const { self, isGone, uptimeMs } = machineProcesses();
    if (self === undefined) throw new Error("this test needs /proc");
    expect(isGone(self)).toBe(false);
    expect(isGone({ ...self, pid: 2 ** 22 + 1 })).toBe(true);
    expect(isGone({ ...self, startTicks: "1" })).toBe(true);
    expect(isGone({ ...self, bootId: "another" })).toBeUndefined();
    expect(isGone({ ...self, pidNamespace: "pid:[0]" })).toBeUndefined();
    const before = uptimeMs();
    await sleep(20);
    expect(uptimeMs() - before).toBeGreaterThanOrEqual(15);
  });
});

describe("a lease from the future", () => {
  it("is not kept for ever: it is challenged, and taken when the challenge stays unanswered for its time", async () => {
    const store = makeMemoryStore();
    const clock = makeClock("2027-11-20T02:00:00.000Z");
    await acquireLease(store, shop, request(clock, makeMachine("boot-1").start()));
    clock.wallMs = Date.parse("2026-11-20T02:00:00.000Z");
    const other = makeMachine("boot-2").start();
    for (const seconds of [0, 300, 300, 59]) {
      clock.pass(seconds);
      await expect(acquireLease(store, shop, request(clock, other))).rejects.toMatchObject({
        name: "LeaseHeld",
        message: expect.stringContaining("ends at 2026-11-20T02:11:00.000Z"),
      });
    }
    expect((await stored(store)).challengedAt).toBe("2026-11-20T02:00:00.000Z");
    clock.pass(2);
    expect((await acquireLease(store, shop, request(clock, other))).fencing).toBe(2);
  });

  it("stays a live holder's, who answers a challenge by renewing", async () => {
    const store = makeMemoryStore();
    const ahead = makeClock("2027-11-20T02:00:00.000Z");
    const behind = makeClock("2026-11-20T02:00:00.000Z");
    const lease = await acquireLease(store, shop, request(ahead));
    for (let round = 0; round < 20; round += 1) {
      await expect(acquireLease(store, shop, request(behind))).rejects.toMatchObject({ name: "LeaseHeld" });
      ahead.pass(300);
      behind.pass(300);
      await lease.renew();
      expect((await stored(store)).challengedAt).toBeNull();
    }
    await expect(acquireLease(store, shop, request(behind))).rejects.toMatchObject({ name: "LeaseHeld" });
    await lease.assertHeld();
    await lease.release();
    expect((await acquireLease(store, shop, request(behind))).fencing).toBe(2);
  });

  it("starts the challenge's time again when the clock was set back once more", async () => {
    const store = makeMemoryStore();
    const clock = makeClock("2027-11-20T02:00:00.000Z");
    await acquireLease(store, shop, request(clock));
    for (const time of ["2026-11-20T02:00:00.000Z", "2025-11-20T02:00:00.000Z"]) {
      clock.wallMs = Date.parse(time);
      await expect(acquireLease(store, shop, request(clock))).rejects.toMatchObject({ name: "LeaseHeld" });
      expect((await stored(store)).challengedAt).toBe(time);
    }
    clock.pass(661);
    await acquireLease(store, shop, request(clock));
  });
});

describe("holders that check before they commit", () => {
  it("never both find the lease held, whatever the clocks do", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 0, max: 900 }) }),
      fc.record({ do: fc.constant("set" as const), who: fc.nat(2), seconds: fc.integer({ min: -1_000_000, max: 1_000_000 }) }),
      fc.record({ do: fc.constant("acquire" as const), who: fc.nat(2) }),
      fc.record({ do: fc.constant("renew" as const), who: fc.nat(2) }),
      fc.record({ do: fc.constant("check" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const store = makeMemoryStore();
        const machines = [makeMachine("x"), makeMachine("x"), makeMachine("y")];
        const hosts = machines.map((machine) => ({
          clock: makeClock(),
          processes: machine.start(),
          lease: undefined as Awaited<ReturnType<typeof acquireLease>> | undefined,
        }));
        let newest = 0;
        for (const each of steps) {
          if (each.do === "pass") {
            for (const host of hosts) host.clock.pass(each.seconds);
            for (const machine of machines) machine.uptime += each.seconds * 1000;
          } else if (each.do === "set") {
            const host = hosts[each.who];
            if (host !== undefined) host.clock.wallMs += each.seconds * 1000;
          } else if (each.do === "check") {
            const held = await Promise.all(
              hosts.map(
                ({ lease }) =>
                  lease?.assertHeld().then(
                    () => true,
                    () => false,
                  ) ?? false,
              ),
            );
            expect(held.filter(Boolean).length).toBeLessThanOrEqual(1);
          } else {
            const host = hosts[each.who];
            if (host === undefined) continue;
            if (each.do === "renew")
              await host.lease?.renew().catch((error: HoldfastError) => expect(error.name).toBe("LeaseLost"));
            else {
              const lease = await acquireLease(store, shop, request(host.clock, host.processes)).catch((error: HoldfastError) => {
                expect(error.name).toBe("LeaseHeld");
              });
              if (lease === undefined) continue;
              expect(lease.fencing).toBeGreaterThan(newest);
              newest = lease.fencing;
              host.lease = lease;
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("renewing", () => {
  const quick: LeaseRequest = { holder: "a:1", purpose: "full backup", ttlSeconds: 1, clock: systemClock, processes: null };

  it("keeps a lease for as long as its work goes on, and gives it back for good", async () => {
    const store = makeMemoryStore();
    const lease = await acquireLease(store, shop, quick);
    const ended = new AbortController();
    const lost = lease.startRenewing(ended.signal);
    const before = await stored(store);
    await sleep(1500);
    expect(lost.aborted).toBe(false);
    expect(Date.parse((await stored(store)).renewedAt)).toBeGreaterThan(Date.parse(before.renewedAt) + 1000);
    // Released while renewals are on their way.
    await Promise.all([lease.renew().catch(() => undefined), lease.release(), lease.renew().catch(() => undefined)]);
    ended.abort();
    await sleep(400);
    expect((await stored(store)).released).toBe(true);
    expect(lost.aborted).toBe(false);
  });

  it("says at the next renewal that the lease was taken", async () => {
    const store = makeMemoryStore();
    const lease = await acquireLease(store, shop, quick);
    const lost = lease.startRenewing(new AbortController().signal);
    await store.put(key, Buffer.from(JSON.stringify({ ...(await stored(store)), token: "another", fencing: 2 })));
    await sleep(600);
    expect(lost.reason).toMatchObject({ name: "LeaseLost" });
  });

  it("bears a store that fails for a moment, and gives up when it fails for the lease's time", async () => {
    const store = makeMemoryStore();
    const passing = makeFaultyStore(store, [{ operation: "put", from: 2, times: 2 }]);
    const lease = await acquireLease(passing, shop, quick);
    const ended = new AbortController();
    const lost = lease.startRenewing(ended.signal);
    await sleep(1300);
    expect(lost.aborted).toBe(false);
    ended.abort();
    await lease.release();

    const failing = makeFaultyStore(store, [{ operation: "put", from: 2 }]);
    const doomed = await acquireLease(failing, shop, quick);
    const gone = doomed.startRenewing(new AbortController().signal);
    await sleep(500);
    expect(gone.aborted).toBe(false);
    await sleep(900);
    expect(gone.reason).toMatchObject({ name: "LeaseLost" });
  });

  it("gives up on a store that does not answer", async () => {
    const store = makeMemoryStore();
    const lease = await acquireLease(
      {
        ...store,
        put: (name, body, options) =>
          options?.ifMatch === undefined ? store.put(name, body, options) : new Promise(() => undefined),
      },
      shop,
      quick,
    );
    const lost = lease.startRenewing(new AbortController().signal);
    await sleep(1300);
    expect(lost.reason).toMatchObject({ name: "LeaseLost" });
  });
});
