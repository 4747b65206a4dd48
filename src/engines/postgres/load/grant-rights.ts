/**
 * Rights that others than the owner granted. pg_dump writes them as their grantor (SET SESSION
 * AUTHORIZATION), in the order in which they are stored. A grantor may have lost since what
 * granting needs: USAGE on the schema; or the stored order may be another than the order of
 * granting. pg_restore then loses the right. Here it is granted all the same, and nothing else
 * changes.
 */
import { type DelegatedRights, frameBegin, frameEnd } from "../archive/archive-rights.ts";
import type { Connection } from "../connection/driver.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import type { RestoreError } from "./load-errors.ts";
import { tryStatement } from "./load-statement.ts";

/** One statement, and the one that makes the session its grantor's. */
interface RightStep {
  readonly grantor?: string;
  readonly statement: string;
}

interface FailedStep {
  readonly step: RightStep;
  readonly message: string;
  /** The server only warned: some of the rights were not the grantor's to give. */
  readonly warned: boolean;
}

function readSteps(statements: readonly string[]): RightStep[] {
  const steps: RightStep[] = [];
  let grantor: string | undefined;
  for (const statement of statements) {
    if (statement.startsWith(frameBegin)) grantor = statement;
    else if (statement === frameEnd) grantor = undefined;
    else steps.push(grantor === undefined ? { statement } : { grantor, statement });
  }
  return steps;
}

/**
 * Applies the rights of these entries, in their order. Gives what the server refused, as
 * pg_restore's errors. Errors: the driver's.
 */
export async function applyDelegatedRights(delegated: readonly DelegatedRights[], connection: Connection): Promise<RestoreError[]> {
  const errors: RestoreError[] = [];
  for (const { entry, statements } of delegated) {
    for (const { statement, message } of await applyRightStatements(statements, connection)) {
      const command = Buffer.from(statement, "utf8").toString("latin1");
      errors.push({ entry, dumpId: entry.dumpId, message, command, answered: true });
    }
  }
  return errors;
}

/**
 * Applies statements of owners and rights, each alone, those of other grantors as their grantor.
 * What a grantor may not give yet is tried again after the rest, as long as that grants anything.
 * Gives what the server refused, with its words. Errors: the driver's.
 */
export async function applyRightStatements(
  statements: readonly string[],
  connection: Connection,
): Promise<{ readonly statement: string; readonly message: string }[]> {
  const refused: FailedStep[] = [];
  // Warnings count: granting what one may not give is often no error.
  await connection.run("SET client_min_messages = warning");
  let waiting: readonly RightStep[] = readSteps(statements);
  for (let granted = true; granted && waiting.length > 0; ) {
    const failed: FailedStep[] = [];
    for (const step of waiting) {
      const failure = await runStep(step, connection);
      if (failure !== undefined) (step.grantor === undefined ? refused : failed).push(failure);
    }
    granted = failed.length < waiting.length;
    waiting = failed.map(({ step }) => step);
    if (!granted) refused.push(...failed);
  }
  return refused.map(({ step, message, warned }) => {
    const isLacking = step.grantor !== undefined && (warned || message.startsWith("permission denied for "));
    return { statement: step.statement, message: isLacking ? `${grantorLacks}${message}` : message };
  });
}

/** A right's function may name types of many schemas, each of which is found missing alone. */
async function runStep(step: RightStep, connection: Connection): Promise<FailedStep | undefined> {
  if (step.grantor === undefined) {
    const message = await tryStatement(connection, step.statement);
    return message === undefined ? undefined : { step, message, warned: false };
  }
  const opened = new Set<string>();
  for (;;) {
    const { message, warned } = await runAsGrantor(step.grantor, step.statement, opened, connection);
    if (message === undefined) return undefined;
    const schema = warned ? undefined : readDeniedSchema(message);
    if (schema === undefined || opened.has(schema) || !(await isClosed(schema, connection))) return { step, message, warned };
    opened.add(schema);
  }
}

/**
 * Runs the statement as its grantor, with these schemas open to everyone: in one transaction, that
 * nobody else sees. PUBLIC gets USAGE and not the grantor, because PUBLIC is known to lack it:
 * taking it away again restores every right as it was.
 */
async function runAsGrantor(
  grantor: string,
  statement: string,
  opened: ReadonlySet<string>,
  connection: Connection,
): Promise<{ readonly message?: string; readonly warned: boolean }> {
  let warning: string | undefined;
  const onNotice = ({ code, message }: { readonly code?: string | undefined; readonly message?: string | undefined }): void => {
    if (code === notGranted) warning ??= message ?? "";
  };
  const schemas = [...opened].map(quoteIdentifier);
  await connection.run("BEGIN");
  for (const schema of schemas) await connection.run(`GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`);
  connection.client.on("notice", onNotice);
  const message = (await tryStatement(connection, grantor)) ?? (await tryStatement(connection, statement));
  connection.client.off("notice", onNotice);
  if (message !== undefined) {
    // The session is its own again too: setting its role was part of the transaction.
    await connection.run("ROLLBACK");
    return { message, warned: false };
  }
  await connection.run(frameEnd);
  for (const schema of schemas) await connection.run(`REVOKE USAGE ON SCHEMA ${schema} FROM PUBLIC`);
  await connection.run("COMMIT");
  return warning === undefined ? { warned: false } : { message: warning, warned: true };
}

/**
 * A right of a column outlives the grantor's own right on the table, by which it was granted: no
 * server takes such a right again. It is lost and named, not damaged.
 */
const grantorLacks = "its grantor may no longer grant it: ";

/** SQLSTATE of the warning that some or all rights were not granted (privilege_not_granted). */
const notGranted = "01007";
const deniedSchema = "permission denied for schema ";

/** The schema's bare name in the server's message. Loads by superusers have `lc_messages=C`. */
function readDeniedSchema(message: string): string | undefined {
  return message.startsWith(deniedSchema) ? message.slice(deniedSchema.length) : undefined;
}

/** Whether the schema exists and is not open to everyone. */
async function isClosed(schema: string, connection: Connection): Promise<boolean> {
  const row = await connection.row<{ closed: boolean }>(
    `SELECT NOT pg_catalog.has_schema_privilege('public'::pg_catalog.name, oid, 'USAGE') AS closed
     FROM pg_catalog.pg_namespace WHERE nspname = $1`,
    [schema],
  );
  return row?.closed === true;
}
