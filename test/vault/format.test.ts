import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backupKinds } from "../../src/policy/policy.ts";
import { type CheckName, checkNames, stateOf } from "../../src/vault/backup-state.ts";
import { canonicalJson, sha256Hex } from "../../src/vault/documents/canonical-json.ts";
import { findManifestProblem } from "../../src/vault/documents/check-manifest.ts";
import type { Manifest } from "../../src/vault/documents/manifest.ts";
import {
  isArtifactName,
  isBackupId,
  isSourceName,
  keyOf,
  newBackupId,
  parseArtifactKey,
  parseBackupId,
  parseDocumentKey,
  parseEvidenceKey,
  parseHoldKey,
  parseTombstoneKey,
  type SignedName,
} from "../../src/vault/layout.ts";
import { assertKey, compareKeys, sortKeys } from "../../src/vault/object-key.ts";

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/vault/${name}.json`, import.meta.url), "utf8")) as T;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

describe("canonical JSON", () => {
  it.each(vectors<{ name: string; json: string; canonical: string; sha256: string }[]>("canonical-json"))(
    "vector: $name",
    (vector) => {
      const bytes = canonicalJson(JSON.parse(vector.json));
      expect(text(bytes)).toBe(vector.canonical);
      expect(sha256Hex(bytes)).toBe(vector.sha256);
      expect(text(canonicalJson(JSON.parse(text(bytes))))).toBe(vector.canonical);
    },
  );

  it("gives the same bytes for the same value, whatever the order of its members, and loses nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const bytes = text(canonicalJson(value));
        const parsed: unknown = JSON.parse(bytes);
        expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text(canonicalJson(reverseMembers(parsed)))).toBe(bytes);
      }),
    );
  });

  it.each([
    ["NaN", Number.NaN],
    ["infinity", [Number.POSITIVE_INFINITY]],
    ["a bigint", 1n],
    ["a function", { a: () => 1 }],
    ["undefined in a list", [undefined]],
    ["a date", new Date(0)],
    ["a map", new Map()],
  ])("refuses %s", (_, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ name: "Internal" }));
  });

  it("refuses a cycle, but not one object in two places", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    expect(() => canonicalJson(cyclic)).toThrow("a cycle");
    const twice = { a: 1 };
    expect(text(canonicalJson({ x: twice, y: twice, z: undefined }))).toBe('{"x":{"a":1},"y":{"a":1}}');
  });
});

function reverseMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reverseMembers(member)]),
  );
}

describe("ids", () => {
  const ids = vectors<{
    valid: { id: string; startedAt: string; kind: string; suffix: string }[];
    made: { now: string; kind: (typeof backupKinds)[number]; randomHex: string; id: string }[];
    invalid: string[];
  }>("ids");

  it.each(ids.valid)("vector: $id is an id", ({ id, startedAt, kind, suffix }) => {
    expect(parseBackupId(id)).toEqual({ startedAt: new Date(startedAt), kind, suffix, isFirstLog: id.includes("-log-first-") });
    expect(isBackupId(id)).toBe(true);
  });

  it.each(ids.invalid)("vector: %j is no id", (id) => {
    expect(parseBackupId(id)).toBeUndefined();
    expect(() => keyOf.manifest("shop", id)).toThrow(expect.objectContaining({ name: "VaultInvalid" }));
  });

  it.each(ids.made)("vector: $id is made from its time and random bytes", ({ now, kind, randomHex, id }) => {
    expect(newBackupId(new Date(now), kind, () => Buffer.from(randomHex, "hex"))).toBe(id);
  });

  it("sorts ids by their time", () => {
    const moments = fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true });
    const kinds = fc.constantFrom(...backupKinds);
    fc.assert(
      fc.property(moments, moments, kinds, kinds, fc.uint8Array({ minLength: 6, maxLength: 6 }), (a, b, kindA, kindB, bytes) => {
        const [idA, idB] = [newBackupId(a, kindA, () => bytes), newBackupId(b, kindB, () => bytes)];
        const second = (time: Date) => Math.floor(time.getTime() / 1000);
        if (second(a) < second(b)) expect(idA < idB).toBe(true);
        expect(parseBackupId(idA)?.startedAt.getTime()).toBe(second(a) * 1000);
      }),
    );
  });
});

describe("keys", () => {
  interface KeyVector {
    readonly object: "manifest" | "artifact" | "seal" | "evidence" | "hold" | "tombstone" | "lease";
    readonly source: string;
    readonly id: string;
    readonly name?: string;
    readonly at?: string;
    readonly check?: CheckName;
    readonly signed?: SignedName;
    readonly key: string;
  }
  const unsigned = { sha256: "", signature: "" };
  it.each(vectors<KeyVector[]>("keys"))(
    "vector: $key",
    ({ object, source, id, name = "", at = "", check = "verified", signed = unsigned, key }) => {
      const made = {
        manifest: () => keyOf.manifest(source, id),
        artifact: () => keyOf.artifact(source, id, name),
        seal: () => keyOf.manifestSeal(source, id),
        evidence: () => keyOf.evidence(source, id, new Date(at), check, signed),
        hold: () => keyOf.hold(source, id, new Date(at), signed),
        tombstone: () => keyOf.tombstone(source, id, new Date(at), signed),
        lease: () => keyOf.lease(source, "log"),
      };
      expect(made[object]()).toBe(key);
      expect(() => assertKey(key)).not.toThrow();
      if (object === "manifest") expect(parseDocumentKey(key)).toEqual({ source, id });
      if (object === "artifact") expect(parseArtifactKey(key)).toEqual({ source, id, name });
      const kind = object;
      if (object === "evidence") expect(parseEvidenceKey(key)).toEqual({ source, id, key, kind, at, check, signed });
      if (object === "hold") expect(parseHoldKey(key)).toEqual({ source, id, key, kind, at, signed });
      if (object === "tombstone") expect(parseTombstoneKey(key)).toEqual({ source, id, key, kind, at, signed });
    },
  );

  it("reads nothing out of keys that are not the layout's", () => {
    const id = "20261120T020000Z-full-7k3f9a";
    for (const key of [
      `manifests/shop/${id}`,
      `manifests/${id}.json`,
      `manifests/shop/x/${id}.json`,
      "manifests/shop/.DS_Store",
      "",
    ]) {
      expect(parseDocumentKey(key)).toBeUndefined();
    }
    for (const file of [
      "x.json",
      "20261120T020304Z-verified.json",
      "20261120T020304005Z-good.json",
      "20261320T020304005Z-verified.json",
    ]) {
      expect(parseEvidenceKey(`evidence/shop/${id}/${file}`)).toBeUndefined();
    }
    expect(parseArtifactKey(`artifacts/shop/${id}/a/b`)).toBeUndefined();
    expect(parseArtifactKey(`artifacts/shop/${id}/`)).toBeUndefined();
  });

  it.each(["", ".", "..", "a/b", "a@b", "-a", ".a", "ä", "a b", "a\n", "x".repeat(101)])(
    "refuses %j as a source's name",
    (name) => {
      expect(isSourceName(name)).toBe(false);
      expect(() => keyOf.lease(name, "backup")).toThrow(expect.objectContaining({ name: "VaultInvalid" }));
    },
  );

  it.each(["..", "A", "a/b", "-a", "a_b", "a\n", "manifest"])("refuses %j as an artifact's name", (name) => {
    expect(isArtifactName(name)).toBe(false);
    expect(() => keyOf.artifact("shop", "20261120T020000Z-full-7k3f9a", name)).toThrow(
      expect.objectContaining({ name: "VaultInvalid" }),
    );
  });

  it("sorts names as their UTF-8 bytes do", () => {
    const names = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(names, names, fc.array(names), (a, b, list) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(sortKeys([...list])).toEqual([...list].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
      }),
    );
    expect(compareKeys("\uff5e", "🦭")).toBeLessThan(0);
  });
});

describe("the state of a backup", () => {
  it.each(vectors<{ checks: CheckName[]; state: string; suspicious: boolean }[]>("states"))(
    "vector: $checks give $state, suspicious: $suspicious",
    ({ checks, state, suspicious }) => {
      expect(stateOf(checks)).toEqual({ state, suspicious });
    },
  );

  it("is never better than its newest judgement", () => {
    const checks = fc.array(fc.constantFrom(...checkNames));
    fc.assert(
      fc.property(checks, (list) => {
        expect(stateOf([...list, "damaged"]).state).toBe("damaged");
        expect(stateOf([...list, "disproven", "verified", "accepted", "unproven"]).state).toBe("damaged");
        expect(stateOf([...list, "proven"]).state).toBe("proven");
        expect(stateOf([...list, "suspicious"]).suspicious).toBe(true);
        expect(stateOf([...list, "accepted"])).toEqual({ state: stateOf(list).state, suspicious: false });
        if (!list.includes("proven")) expect(stateOf(list).state).not.toBe("proven");
      }),
    );
  });
});

describe("a manifest's rules", () => {
  const { manifest, canonical, bytes, sha256 } = vectors<{ manifest: Manifest; canonical: string; bytes: number; sha256: string }>(
    "manifest",
  );

  it("vector: the bytes and checksum of a manifest", () => {
    expect(findManifestProblem(manifest)).toBeUndefined();
    const made = canonicalJson(manifest);
    expect(text(made)).toBe(canonical);
    expect(made.length).toBe(bytes);
    expect(createHash("sha256").update(made).digest("hex")).toBe(sha256);
  });

  interface Refused {
    readonly name: string;
    readonly path: (string | number)[];
    readonly value: unknown;
    readonly delete: boolean;
    readonly says: string;
  }
  it.each(vectors<Refused[]>("manifest-refused"))("vector: refuses $name", ({ path, value, delete: gone, says }) => {
    const copy = structuredClone(manifest) as unknown as Record<string | number, unknown>;
    const parent = path.slice(0, -1).reduce((at, name) => at[name] as Record<string | number, unknown>, copy);
    const last = path.at(-1) ?? "";
    if (gone) delete parent[last];
    else parent[last] = value;
    expect(findManifestProblem(copy)).toContain(says);
  });
});
