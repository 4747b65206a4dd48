/** Any bytes in any document of a vault spoil one backup at most. */
import { it } from "vitest";
import { lookAtEverything, makeDocumentVault } from "../support/document-vault.ts";
import { fuzz } from "../support/fuzz.ts";

const dictionary = [
  ...['"', "{", "}", "[", "]", ":", ",", "\\u", "\\", "1e999", "-0", "null", "true"],
  ...["9007199254740992", '"__proto__":', "\ufeff"],
];

it.each(["manifest", "evidence", "hold", "lease", "read-mark", "vault"].map((kind, index) => ({ kind, index })))(
  "documents: any bytes in a $kind are refused or read, and never spoil another backup",
  async ({ kind, index }) => {
    const { store, keys } = await makeDocumentVault();
    const key = keys[index] ?? "";
    await fuzz({
      name: `document-${kind}`,
      seeds: [store.objects.get(key)?.bytes ?? Buffer.alloc(0)],
      dictionary,
      run: (input) => lookAtEverything(store, key, input),
    });
  },
);
