import fc from "fast-check";
import { expect, it } from "vitest";
import { lookAtEverything, makeDocumentVault } from "../support/document-vault.ts";

const hostile = [
  "",
  " ",
  "null",
  "[]",
  "{}",
  "\ufeff{}",
  '{"__proto__":{"state":"proven"}}',
  '{"formatVersion":2,"formatVersion":2}',
  '{"formatVersion":1}',
  '{"formatVersion":3}',
  '{"formatVersion":2e999}',
  "[".repeat(200_000),
  `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "9".repeat(100_000),
  `"${"\\ud800".repeat(1000)}"`,
];

it("spoils nothing but its own backup, whichever document holds what nobody would write", async () => {
  const { store, keys } = await makeDocumentVault();
  expect(new Set(keys).size).toBe(7);
  for (const key of keys) for (const text of hostile) await lookAtEverything(store, key, Buffer.from(text));
});

it("goes on with a lease whose number cannot grow any further", async () => {
  const { store, keys } = await makeDocumentVault();
  const key = keys.find((each) => each === "leases/writing/shop/backup.json") ?? "";
  const lease = JSON.parse(store.objects.get(key)?.bytes.toString() ?? "") as object;
  const bytes = Buffer.from(JSON.stringify({ ...lease, fencing: Number.MAX_SAFE_INTEGER }));
  store.objects.set(key, { bytes, modifiedAt: new Date() });
  await lookAtEverything(store, key, bytes);
  await lookAtEverything(store, key, store.objects.get(key)?.bytes ?? Buffer.alloc(0));
});

it("spoils nothing but its own backup, whatever bytes of it are changed", async () => {
  const { store, keys } = await makeDocumentVault();
  const edit = fc.record({
    at: fc.nat(),
    cut: fc.nat({ max: 20 }),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom("0", '"', "{", "[", "1e999", ",").map((text) => Buffer.from(text)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...keys), fc.array(edit, { minLength: 1, maxLength: 4 }), async (key, edits) => {
      let bytes = store.objects.get(key)?.bytes ?? Buffer.alloc(0);
      for (const { at, cut, insert } of edits) {
        const start = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + cut)]);
      }
      await lookAtEverything(store, key, bytes);
    }),
    { numRuns: 300 },
  );
});
