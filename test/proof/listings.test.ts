import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffListings, type ObjectChange } from "../../src/proof/diff-listings.ts";
import { type ListedObject, listDigest, sumObjects } from "../../src/proof/listed-object.ts";

async function* listingOf(objects: readonly ListedObject[]): AsyncGenerator<ListedObject> {
  yield* objects.toSorted((a, b) => (a.sortKey < b.sortKey ? -1 : 1));
}

async function diffOf(before: readonly ListedObject[], after: readonly ListedObject[]) {
  const changes: ObjectChange[] = [];
  const steps = diffListings(listingOf(before), listingOf(after));
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return { changes, same: step.value };
    changes.push(step.value);
  }
}

const table = (name: string, rows: number, sha256?: string): ListedObject => ({
  object: `table ${name}`,
  sortKey: `table ${name}`,
  rows,
  bytes: rows * 10,
  sha256,
});

describe("the difference of two listings", () => {
  const contents = fc.uniqueArray(
    fc.record({ name: fc.string({ maxLength: 3 }), rows: fc.nat(2), sha256: fc.constantFrom("a", "b", undefined) }),
    { selector: ({ name }) => name, maxLength: 12 },
  );

  test("names each object that came, went or changed, once, and counts the rest", async () => {
    await fc.assert(
      fc.asyncProperty(contents, contents, async (first, second) => {
        const [before, after] = [first, second].map((each) => each.map(({ name, rows, sha256 }) => table(name, rows, sha256)));
        const { changes, same } = await diffOf(before as ListedObject[], after as ListedObject[]);
        const expected: string[] = [];
        let equal = 0;
        for (const name of new Set([...first, ...second].map((each) => each.name))) {
          const [old, fresh] = [first.find((each) => each.name === name), second.find((each) => each.name === name)];
          const isHashed = old?.sha256 !== undefined && fresh?.sha256 !== undefined;
          if (old === undefined) expected.push(`+${name}`);
          else if (fresh === undefined) expected.push(`-${name}`);
          else if (old.rows !== fresh.rows || (isHashed && old.sha256 !== fresh.sha256)) expected.push(`~${name}`);
          else equal++;
        }
        const found = changes.map(({ object, before: was, after: is }) => {
          return `${was === undefined ? "+" : is === undefined ? "-" : "~"}${object.slice("table ".length)}`;
        });
        expect(found.toSorted()).toEqual(expected.toSorted());
        expect(same).toBe(equal);
      }),
      { numRuns: 300 },
    );
  });

  test("tells a file that became a directory, and one whose mode alone changed", async () => {
    const entry = (object: string, attributes: readonly string[]): ListedObject => ({
      object,
      sortKey: object.slice(object.indexOf(" ") + 1),
      bytes: 0,
      sha256: "",
      attributes,
    });
    const { changes, same } = await diffOf(
      [entry("file a", ["mode 0644"]), entry("file b", ["mode 0644"]), entry("file c", ["mode 0644"])],
      [entry("directory a", ["mode 0755"]), entry("file b", ["mode 0600"]), entry("file c", ["mode 0644"])],
    );
    expect(changes.map(({ object, before }) => [before?.object, object])).toEqual([
      ["file a", "directory a"],
      ["file b", "file b"],
    ]);
    expect(same).toBe(1);
  });

  test("closes both listings when its reader stops early", async () => {
    const closed: string[] = [];
    async function* watched(name: string): AsyncGenerator<ListedObject> {
      try {
        for (let n = 0; n < 100; n++) yield table(`${name}${n}`, n);
      } finally {
        closed.push(name);
      }
    }
    for await (const change of diffListings(watched("a"), watched("b"))) {
      expect(change.before?.object).toBe("table a0");
      break;
    }
    expect(closed).toEqual(["a", "b"]);
  });
});

describe("the sum of the objects that are meant", () => {
  const objects = [table("public.orders", 3, "aa"), table("shop.orders", 4, "bb"), table("public.users", 5, "cc")];
  const sum = (name: string, listed = objects) => sumObjects(listDigest(listed as never), (object) => object.endsWith(name));

  test("is the object's own where it is one, and nothing where there is none", async () => {
    expect(await sum(".users")).toEqual({ objects: 1, rows: 5, bytes: 50, sha256: "cc" });
    expect(await sum(".nothing")).toBeUndefined();
  });

  test("of several has one hash, which any of theirs changes, and none where one of theirs is missing", async () => {
    const both = await sum(".orders");
    expect(both).toMatchObject({ objects: 2, rows: 7, bytes: 70, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const other = await sum(".orders", [table("public.orders", 3, "aa"), table("shop.orders", 4, "bc")]);
    expect(other?.sha256).not.toBe(both?.sha256);
    const unhashed = await sum(".orders", [table("public.orders", 3, "aa"), table("shop.orders", 4)]);
    expect(unhashed?.sha256).toBeUndefined();
  });
});
