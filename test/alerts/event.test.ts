import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EventType, eventError, eventTypes, failureOf, makeEvent, maxEventBackups } from "../../src/alerts/event.ts";
import { machineNames } from "../statemachines/machines.ts";

const about = { deployment: "holdfast-dev", now: new Date("2026-11-21T02:14:09.120Z") };
const backupId = "20261121T020000Z-full-7k3f9a";
const execution = "arn:aws:states:eu-central-1:123456789012:execution:holdfast-dev-backup:run-1";
const idOf = (type: EventType, facts: object, more: Partial<typeof about> = {}) =>
  makeEvent(type, facts as never, { ...about, ...more }).detail["id"];

describe("the id of an event", () => {
  it("is that of the fact: not of when it is said", () => {
    const facts = { source: "shop", backupId, execution, checkedAt: "2026-11-21T02:14:08.700Z" };
    const id = idOf("backup.proven", facts);
    expect(idOf("backup.proven", facts, { now: new Date(0) })).toBe(id);
    expect(idOf("backup.verified", facts)).not.toBe(id);
    expect(idOf("backup.proven", facts, { deployment: "holdfast-prod" })).not.toBe(id);
    expect(idOf("backup.proven", { ...facts, checkedAt: "2026-11-21T02:14:08.701Z" })).not.toBe(id);
  });

  it("differs for different facts, whatever their names are made of", () => {
    const name = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom("a", "b", ",", '"', "\\", " ") });
    const fact = fc.record({ source: name, backupIds: fc.array(name, { minLength: 1, maxLength: 3 }) });
    fc.assert(
      fc.property(fact, fact, (first, second) => {
        const same = JSON.stringify(first) === JSON.stringify(second);
        expect(idOf("retention.pruned", { ...first, count: 1 }) === idOf("retention.pruned", { ...second, count: 1 })).toBe(same);
      }),
    );
  });
});

describe("an event", () => {
  it("of an execution that fails there is for every machine", () => {
    for (const name of machineNames) expect(failureOf(name), name).toMatch(/\.failed$/);
    for (const name of ["prune", "toString", "an execution", ""]) expect(failureOf(name)).toBeUndefined();
  });

  it("takes an error's name, and nothing that could be a sentence", () => {
    for (const name of ["SourceUnreachable", "States.Timeout", "Lambda.Unknown", "my-error_2"]) expect(eventError(name)).toBe(name);
    for (const words of ["", "it is broken", "a\nb", "x".repeat(257), "p=secret"]) expect(eventError(words)).toBe("Unreadable");
  });

  it("refuses members that its type has not", () => {
    expect(() => idOf("restore.finished", { source: "shop", backupId, execution, cause: "no" })).toThrow();
  });

  it("of the most backups fits into what EventBridge takes", () => {
    const backupIds = Array.from({ length: maxEventBackups }, () => "x".repeat(100));
    const event = makeEvent("retention.pruned", { source: "x".repeat(100), backupIds, count: 5_000 }, about);
    // "The total entry size must be less than 256KB" (EventBridge API, PutEvents).
    expect(JSON.stringify(event).length).toBeLessThan(256_000);
    expect(Object.keys(eventTypes)).toContain(event.type);
  });
});
