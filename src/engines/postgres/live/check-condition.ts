/** Whether what a person wrote after --where is one expression. Pure. */
import { HoldfastError } from "../../../errors/holdfast-error.ts";
import { readTokens } from "../script/sql-tokens.ts";

/**
 * Refuses what is not one expression: it would end the parenthesis that it is put into.
 * Errors: UsageInvalid.
 */
export function checkCondition(condition: string): void {
  const tokens = readTokens(condition);
  const wrong = tokens === undefined ? "has a comment, a semicolon, or a quote that does not end" : findUnbalanced(tokens);
  if (wrong === undefined && tokens !== undefined && tokens.length > 0) return;
  throw new HoldfastError("UsageInvalid", `the condition after --where ${wrong ?? "is empty"}`, {
    hint: "Write one condition on the table's columns, such as --where \"created_at < '2026-01-01'\".",
  });
}

function findUnbalanced(tokens: readonly { readonly kind: string; readonly text: string }[]): string | undefined {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { ")": "(", "]": "[" };
  for (const { kind, text } of tokens) {
    if (kind !== "symbol") continue;
    if (text === "(" || text === "[") open.push(text);
    else if (pairs[text] !== undefined && open.pop() !== pairs[text]) return "closes a parenthesis that it did not open";
  }
  return open.length === 0 ? undefined : "opens a parenthesis and does not close it";
}
