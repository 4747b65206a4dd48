/** What becomes of a request, whatever else stands in the trail, and whenever it is looked at. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { TrailItem } from "../../src/vault/audit-trail.ts";
import { type Decision, type DecisionWord, requestSha256, type SignedDecision } from "../../src/vault/documents/approval.ts";
import type { AuditEntry } from "../../src/vault/documents/audit-entry.ts";
import type { Approvers } from "../../src/vault/judge-answer.ts";
import { findCurrent, type RequestState, readRequestStates } from "../../src/vault/request-states.ts";
import { answered, approverOf, asked, decisionOn, minutes, requestOf, signedBy, trailOf, usedBy } from "../support/approvals.ts";

const [benKey, caraKey, danaKey, strangerKey] = [2, 3, 4, 9];
const approvers: Approvers = new Map([
  ["ben", approverOf(benKey, { user: "benjamin" })],
  ["cara", approverOf(caraKey)],
  ["dana", approverOf(danaKey, { retiredAt: minutes(8) })],
]);
const request = requestOf();
const other = requestOf({ reason: "another", target: "stock" });
const at = (minute: number): Date => new Date(minutes(minute));

const statesAt = (items: readonly TrailItem[], minute = 20, known: Approvers = approvers) =>
  readRequestStates(items, known, at(minute));
function statusAt(facts: readonly Partial<AuditEntry>[], minute = 20, known: Approvers = approvers) {
  const [first] = statesAt(trailOf(facts), minute, known).requests;
  if (first === undefined) throw new Error("no request");
  return first;
}

const ben = (decision: DecisionWord, others: Partial<Decision> = {}, about = request) =>
  signedBy(benKey, decisionOn(about, decision, others));
const cara = (decision: DecisionWord, others: Partial<Decision> = {}, about = request) =>
  signedBy(caraKey, decisionOn(about, decision, { approver: "cara", person: "cara@desk", ...others }));

let yes: SignedDecision;
let no: SignedDecision;
let otherYes: SignedDecision;
/** Entries that must change nothing, each with what is said of it. */
let hostile: readonly (readonly [entry: Partial<AuditEntry>, said: string])[];

beforeAll(async () => {
  [yes, no, otherYes] = [await ben("approved"), await cara("denied"), await ben("approved", {}, other)];
  const forged = { ...yes, decision: { ...yes.decision, reason: "another reason" } };
  const given = (answer: SignedDecision, others: Partial<AuditEntry> = {}) => ({ ...answered(answer), ...others });
  hostile = [
    [given(forged), "is not signed with their key"],
    [given({ decision: yes.decision }), "is not signed with an approver's key"],
    [given(await signedBy(strangerKey, yes.decision)), "is not signed with their key"],
    [given(await signedBy(strangerKey, { ...yes.decision, approver: "eve" })), "is by nobody whom the policy names"],
    [given(await signedBy(caraKey, yes.decision)), "is not signed with their key"],
    [given(await ben("approved", { vaultId: "another" })), "was given for another vault"],
    [given(await ben("approved", { person: request.person })), "is by the person who asked"],
    [given(await signedBy(danaKey, { ...yes.decision, approver: "dana" })), "is by somebody who no longer approves"],
    [given(await ben("approved", { at: minutes(-10) })), "is dated before the request"],
    [given(await ben("approved", { at: minutes(240) }), { at: minutes(11) }), `came after ${minutes(240)}`],
    [given(yes, { at: minutes(240) }), `came after ${minutes(240)}`],
    [given(no, { action: "approval.given" }), "is recorded as its opposite"],
    [given(yes, { action: "approval.denied" }), "is recorded as its opposite"],
    [given(await ben("approved", { requestSha256: "0".repeat(64) })), "is about no request before it"],
    [{ action: "approval.used", requestSha256: "0".repeat(64) }, "is about no request before it"],
    [{ action: "approval.used" }, "is about no request before it"],
    [{ action: "approval.given" }, "is about no request before it"],
    [{ action: "approval.requested" }, "does not say what is asked for"],
    [asked({ ...request, expiresAt: request.at }), "is over before it begins"],
    [asked(request), "was asked before, word for word"],
  ];
});

describe("a request", () => {
  it("waits, is approved or denied by the first who answers, is used once, and expires", async () => {
    const table: readonly (readonly [RequestState, readonly Partial<AuditEntry>[], number?])[] = [
      ["waiting", [asked(request)]],
      ["waiting", [asked(request)], 239],
      ["expired", [asked(request)], 240],
      ["approved", [asked(request), answered(yes)], 239],
      ["expired", [asked(request), answered(yes)], 240],
      ["denied", [asked(request), answered(no)], 10_000],
      ["approved", [asked(request), answered(yes), answered(no)]],
      ["denied", [asked(request), answered(no), answered(yes)]],
      ["used", [asked(request), answered(yes), usedBy(request, minutes(15))], 10_000],
      // An answer to what nobody has asked yet is not kept for it.
      ["waiting", [answered(yes), asked(request)]],
    ];
    for (const [state, facts, minute] of table) expect(statusAt(facts, minute).state).toBe(state);
  });

  it("tells the second of two answers, and the second of two uses, that they came too late", async () => {
    const facts = [
      asked(request),
      answered(yes),
      answered(no),
      answered(yes),
      usedBy(request, minutes(15), "x"),
      usedBy(request, minutes(16), "y"),
    ];
    expect(statusAt(facts)).toMatchObject({
      decision: { approver: "ben" },
      used: { number: 5, by: "x" },
      ignored: [
        'number 3: "denied" by cara came after ben had approved it',
        'number 4: "approved" by ben came after ben had approved it',
        "number 6: used by y, who came after x",
      ],
    });
  });

  it("is never approved once it was used, and says that nobody had approved it", async () => {
    const status = statusAt([asked(request), usedBy(request, minutes(5)), answered(yes)]);
    expect(status).toMatchObject({ state: "used", decision: undefined });
    expect(status.ignored).toEqual([
      "number 2: used by ada@host:3 without an approval",
      'number 3: "approved" by ben came after it was used',
    ]);
    const late = statusAt([asked(request), answered(yes), usedBy(request, minutes(240))], 300);
    expect(late.ignored).toEqual([`number 3: used by ada@host:3 after ${minutes(240)}`]);
  });

  it("is not approved by an approver whose user asked, with any key", async () => {
    const own = requestOf({ person: "benjamin@host" });
    expect(statusAt([asked(own), answered(await ben("approved", {}, own))])).toMatchObject({
      state: "waiting",
      ignored: ['number 2: "approved" by ben is by the person who asked'],
    });
    expect(statusAt([asked(own), answered(await cara("approved", {}, own))]).state).toBe("approved");
  });

  it("is approved by an identity where a stack's trail says who it was, and not by the requester's", async () => {
    const [from, to] = ["arn:aws:iam::1:role/ask", "arn:aws:iam::1:role/answer"];
    const mine = requestOf({ person: from });
    const by = (person: string) => answered({ decision: decisionOn(mine, "approved", { person, approver: person }) });
    expect(statusAt([asked(mine), by(to)], 20, "identities").state).toBe("approved");
    expect(statusAt([asked(mine), by(from)], 20, "identities").state).toBe("waiting");
    // The same words count for nothing where approvers have keys.
    expect(statusAt([asked(mine), by(to)]).state).toBe("waiting");
  });

  it("keeps the answer of somebody who left afterwards, and takes none that is recorded later, however it is dated", async () => {
    const dana = await signedBy(danaKey, { ...yes.decision, approver: "dana", at: minutes(7) });
    expect(statusAt([asked(request), answered(dana)]).state).toBe("approved");
    expect(statusAt([asked(request), answered(dana, minutes(8))]).state).toBe("waiting");
  });

  it("whose entries cannot be checked asks and approves nothing, and is still denied and used", async () => {
    const [question] = trailOf([asked(request)]);
    const answers = (facts: Partial<AuditEntry>[]) => trailOf([{}, ...facts], false).slice(1);
    if (question === undefined) throw new Error("no entry");
    expect(statesAt(trailOf([asked(request)], false))).toMatchObject({
      requests: [],
      problems: ["request number 1 counts for nothing: it could not be checked: a public key is not at hand"],
    });
    const stateWith = (facts: Partial<AuditEntry>[]) => statesAt([question, ...answers(facts)]).requests[0]?.state;
    expect(stateWith([answered(yes)])).toBe("waiting");
    expect(stateWith([answered(no)])).toBe("denied");
    expect(stateWith([usedBy(request, minutes(5))])).toBe("used");
  });
});

describe("whatever else stands in the trail", () => {
  const honest = () => [asked(request), asked(other), answered(yes), answered(otherYes), answered(no), usedBy(other, minutes(12))];

  it("each of these counts for nothing, and is reported", () => {
    for (const [entry, said] of hostile) {
      const { requests, problems } = statesAt(trailOf([asked(request), entry]));
      expect(requests.map(({ state }) => state)).toEqual(["waiting"]);
      expect([...problems, ...requests.flatMap(({ ignored }) => ignored)]).toEqual([expect.stringContaining(said)]);
    }
  });

  it("changes no state, wherever it stands after the requests and whenever one looks", () => {
    const places = fc.array(fc.record({ which: fc.nat(), where: fc.nat() }), { maxLength: 12 });
    fc.assert(
      fc.property(places, fc.integer({ min: 12, max: 300 }), (planted, minute) => {
        const facts: Partial<AuditEntry>[] = honest();
        for (const { which, where } of planted) {
          facts.splice(2 + (where % (facts.length - 1)), 0, hostile[which % hostile.length]?.[0] ?? {});
        }
        const { requests, problems } = statesAt(trailOf(facts), minute);
        const plain = statesAt(trailOf(honest()), minute);
        expect(requests.map(({ state, decision }) => [state, decision])).toEqual(
          plain.requests.map(({ state, decision }) => [state, decision]),
        );
        expect(problems.length + requests.flatMap(({ ignored }) => ignored).length).toBe(planted.length + 1);
      }),
      { numRuns: 300 },
    );
  });

  it("nothing is approved or used in peace without an approver's answer in time, in any order of any entries", () => {
    const genuine = () => [
      answered(yes),
      answered(no),
      usedBy(request, minutes(30)),
      usedBy(request, minutes(250)),
      asked(request),
    ];
    const picks = fc.array(fc.nat(), { maxLength: 10 });
    fc.assert(
      fc.property(picks, fc.integer({ min: 0, max: 300 }), (chosen, minute) => {
        const all = [...genuine(), ...hostile.map(([entry]) => entry)];
        const facts = chosen.map((index) => all[index % all.length] ?? {});
        const items = trailOf(facts);
        const begins = items.findIndex(({ entry }) => entry.request !== undefined && entry.request.expiresAt === request.expiresAt);
        const status = statesAt(items, minute).requests.find(({ sha256 }) => sha256 === requestSha256(request));
        expect(status === undefined).toBe(begins < 0);
        const answers = items.slice(begins + 1).filter(({ entry }) => entry.answer === yes || entry.answer === no);
        const counting = answers.find(
          ({ entry }) => entry.at < request.expiresAt && (entry.answer === yes) === (entry.action === "approval.given"),
        );
        if (status?.state === "approved") {
          expect(counting?.entry.answer).toBe(yes);
          expect(minute).toBeLessThan(240);
          expect(items.slice(begins).some(({ entry }) => entry.requestSha256 === requestSha256(request))).toBe(false);
        }
        if (status?.state === "used" && status.ignored.every((line) => !/used by/.test(line)))
          expect(status.decision).toEqual(yes.decision);
      }),
      { numRuns: 500 },
    );
  });

  it("an entry that is gone after a request lets nothing be done by it", () => {
    const items = trailOf([asked(request), answered(yes), asked(other)]);
    const lost = (key: string): TrailItem => ({ key, problem: "does not follow number 2", lost: true });
    const withLoss = [...items.slice(0, 2), lost("audit/0000000003.json"), ...items.slice(2)];
    const { requests } = statesAt(withLoss);
    expect(requests.map(({ doubt }) => doubt)).toEqual(["audit/0000000003.json does not follow number 2", undefined]);
    expect(findCurrent(requests, request, at(20))).toBeUndefined();
    // Hidden entries are listed last, whatever their number; what was planted takes nothing away.
    expect(statesAt([...items, lost("audit/0000000001.json")]).requests.map(({ doubt }) => doubt)).toEqual([undefined, undefined]);
    const planted = { key: "audit/0000000004.json", problem: "was not signed by any key of the policy" };
    expect(statesAt([...items, planted]).requests[0]?.doubt).toBeUndefined();
  });
});

describe("the request that speaks for an action", () => {
  it("is about exactly that: any other option, target, backup, action or thing at the target is another", () => {
    const { requests } = statesAt(trailOf([asked(request), answered(yes)]));
    expect(findCurrent(requests, request, at(20))?.state).toBe("approved");
    // Who asks, and why, is not what was approved.
    expect(
      findCurrent(requests, requestOf({ person: "cara@host", by: "cara@host:9", reason: "x", loses: [] }), at(20))?.state,
    ).toBe("approved");
    for (const change of [
      { action: "swap-back" },
      { source: "stock" },
      { backupId: "20261128T030000Z-full-7k3f9a" },
      { backupId: undefined },
      { target: "stock" },
      { standing: "database 16385 of server 7" },
      { standing: undefined },
      { options: {} },
      { options: { overwrite: "yes", allowDamaged: "yes" } },
    ] as const)
      expect(findCurrent(requests, requestOf(change), at(20))).toBeUndefined();
  });

  it("is the newest that is open: not one that is used or over, and a denial until its time ends", async () => {
    const again = requestOf({ at: minutes(12), expiresAt: minutes(100) });
    const current = (facts: readonly Partial<AuditEntry>[], minute: number) =>
      findCurrent(statesAt(trailOf(facts), minute).requests, request, at(minute))?.state;
    expect(current([asked(request), answered(no)], 20)).toBe("denied");
    expect(current([asked(request), answered(no)], 240)).toBeUndefined();
    expect(current([asked(request), answered(yes), usedBy(request, minutes(11))], 20)).toBeUndefined();
    expect(current([asked(request), answered(yes), usedBy(request, minutes(11)), asked(again)], 20)).toBe("waiting");
    expect(
      current([asked(request), answered(yes), asked(again), answered(await cara("denied", { at: minutes(13) }, again))], 20),
    ).toBe("denied");
    expect(current([asked(request)], 240)).toBeUndefined();
  });
});
