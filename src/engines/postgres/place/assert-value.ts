/** The policy's assertions: SQL with one value, and what it must be. */
import type { Assertion } from "../../../policy/engines/postgres/source.ts";
import type { AssertionResult } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";

/**
 * An assertion is a question about a copy that nobody else uses: one that takes longer is a mistake
 * in its SQL.
 */
const statementTimeoutMs = 10 * 60_000;
/** What is shown of a value: figures and names, not documents. */
const shownCharacters = 200;

const figure = (value: number): string => new Intl.NumberFormat("en-US", { maximumFractionDigits: 20 }).format(value);

function describeExpectation({ expect }: Assertion): string {
  if ("equals" in expect) return typeof expect.equals === "number" ? figure(expect.equals) : JSON.stringify(expect.equals);
  return "atLeast" in expect ? `at least ${figure(expect.atLeast)}` : `at most ${figure(expect.atMost)}`;
}

/**
 * Whether the server's text of a value meets the expectation; null is met by nothing. Numbers
 * compare as numbers, booleans as the server or a person writes them.
 */
export function meetsExpectation(expect: Assertion["expect"], value: string | null): boolean {
  if (value === null) return false;
  if ("equals" in expect) {
    if (typeof expect.equals === "string") return value === expect.equals;
    if (typeof expect.equals === "boolean") return (expect.equals ? ["t", "true"] : ["f", "false"]).includes(value);
    return value.trim() !== "" && Number(value) === expect.equals;
  }
  // "" would be zero, and NaN meets nothing.
  const number = value.trim() === "" ? Number.NaN : Number(value);
  return "atLeast" in expect ? number >= expect.atLeast : number <= expect.atMost;
}

/**
 * Runs one assertion in a read-only transaction that is rolled back. A failed one is a result, as
 * is SQL that the server refuses, in its words. Errors: the driver's own, when the connection gave
 * way.
 */
async function runAssertion(assertion: Assertion, connection: Connection): Promise<AssertionResult> {
  const expected = describeExpectation(assertion);
  const result = (passed: boolean, actual: string): AssertionResult => ({
    name: assertion.name,
    passed,
    expected,
    actual: actual.slice(0, shownCharacters),
  });
  // The database's own search_path, as the application has it.
  await connection.run(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${statementTimeoutMs}; SET LOCAL search_path TO DEFAULT`);
  try {
    const query = {
      text: assertion.sql,
      rowMode: "array" as const,
      queryMode: "extended" as const,
      types: { getTypeParser: () => String },
    };
    const { rows, fields } = await connection.client.query<(string | null)[]>(query);
    if (fields?.length !== 1 || rows.length !== 1) {
      return result(false, `${rows.length} rows of ${fields?.length ?? 0} columns instead of one value`);
    }
    const value = rows[0]?.[0] ?? null;
    return result(meetsExpectation(assertion.expect, value), value ?? "null");
  } catch (error) {
    if ((error as { severity?: string }).severity === undefined) throw error;
    return result(false, `error: ${(error as Error).message}`);
  } finally {
    await connection.client.query("ROLLBACK").catch(() => {});
  }
}

/**
 * Runs the assertions one after the other. Errors: the driver's own, when the connection failed.
 */
export async function runAssertions(assertions: readonly Assertion[], connection: Connection): Promise<AssertionResult[]> {
  const results: AssertionResult[] = [];
  for (const assertion of assertions) results.push(await runAssertion(assertion, connection));
  return results;
}
