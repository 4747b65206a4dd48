import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Statement, statementText } from "../../src/proof/statement.ts";

const vectors = JSON.parse(readFileSync(new URL("../vectors/vault/signatures.json", import.meta.url), "utf8")) as {
  readonly vaultId: string;
  readonly documents: readonly { readonly kind: Statement["kind"]; readonly body: string; readonly statement: string }[];
};

it.each(vectors.documents)("the statement of a document ($kind) is the text that another tool writes", ({ kind, statement }) => {
  const lines = new Map(statement.split("\n").map((line) => line.split(": ") as [string, string]));
  const text = (name: string) => lines.get(name) ?? "";
  const made = statementText({
    kind,
    vaultId: vectors.vaultId,
    source: text("source"),
    backupId: text("backup"),
    stamp: text("at"),
    check: lines.get("check"),
    sha256: text("sha256"),
  });
  expect(Buffer.from(made).toString()).toBe(statement);
});
