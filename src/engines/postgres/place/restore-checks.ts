/**
 * The preflight of a restore: everything about the target that can be looked at before anything is
 * touched. Each failing check says how to fix it.
 */
import type { Finding } from "../../finding.ts";
import { describePlace } from "../connection/connection.ts";
import { quoteIdentifier, quoteLiteral } from "../script/script-identifiers.ts";
import { type Check, type CheckedTarget, finding } from "./checked-target.ts";
import { contentChecks } from "./restore-content-checks.ts";

/**
 * Sessions of a restore at once: those that load, the one that makes databases, and pg_dump's that
 * compares.
 */
const neededConnections = 6;

/** All findings, in the order in which a person would fix them. */
export function checkTarget(target: CheckedTarget): readonly Finding[] {
  return checks.flatMap((check) => check(target));
}

const checks: readonly Check[] = [
  checkServer,
  checkOccupied,
  checkRights,
  ...contentChecks,
  checkRoom,
  checkConnections,
  checkSessions,
  checkLeftovers,
];

function checkServer({ facts, settings: { host, port, user }, survey }: CheckedTarget): readonly Finding[] {
  const { serverMajor, serverVersion, standby, superuser, managedBy } = survey;
  if (serverMajor < facts.serverMajor) {
    return finding(
      "error",
      "version",
      `the backup is of PostgreSQL ${facts.serverMajor} and ${host}:${port} runs ${serverMajor}: an older server does not understand all that a newer one dumps`,
      `Restore to a server of PostgreSQL ${facts.serverMajor} or later.`,
    );
  }
  if (standby) {
    return finding("error", "server", `${host}:${port} is a standby, which takes no writes`, "Restore to its primary.");
  }
  const as = superuser
    ? "a superuser"
    : managedBy === undefined
      ? "not a superuser"
      : `a member of ${managedBy}, on a managed server`;
  return finding("ok", "server", `PostgreSQL ${serverVersion} on ${host}:${port}, as "${user}" (${as})`);
}

function checkOccupied({ settings, survey, request }: CheckedTarget): readonly Finding[] {
  const place = describePlace(settings);
  if (survey.closed !== undefined) {
    return finding(
      "error",
      "target",
      `${place} exists, and cannot be looked into: ${survey.closed.message}`,
      "Restore to a database that does not exist yet, or let the connecting role into this one.",
    );
  }
  if (survey.state === "absent" && request.swap === true) {
    return finding(
      "error",
      "target",
      `${place} does not exist, so there is nothing to swap`,
      "Correct the name after --to, or leave --swap out.",
    );
  }
  if (survey.state === "occupied" && request.only !== undefined) {
    return finding(
      "error",
      "target",
      `${place} exists and is not empty: a part of a backup would replace all of it`,
      "Restore the part to a new or an empty database, and take from there what you need.",
    );
  }
  if (survey.state === "occupied" && !request.overwrite) {
    return finding(
      "error",
      "target",
      `${place} exists and is not empty`,
      "Restore to a new target, or ask for the overwrite with --overwrite.",
    );
  }
  const words = {
    absent: "does not exist yet",
    empty: "exists and is empty",
    occupied: "exists; what it holds is kept under another name",
  };
  return finding("ok", "target", `${place} ${words[survey.state]}`);
}

function checkRights({ settings: { host, port, user, database }, survey, request }: CheckedTarget): readonly Finding[] {
  const role = quoteIdentifier(user);
  const found: Finding[] = [];
  if (survey.state !== "empty" && !survey.mayCreateDatabases) {
    found.push(
      ...finding(
        "error",
        "privileges",
        `user "${user}" may not create databases on ${host}:${port}`,
        `Give it the right (ALTER ROLE ${role} CREATEDB), or create an empty database and restore into that.`,
      ),
    );
  }
  if (survey.state === "occupied" && request.overwrite && !survey.ownsTarget) {
    found.push(
      ...finding(
        "error",
        "privileges",
        `user "${user}" does not own the database "${database}" and may not rename it`,
        "Run the restore as the owner of the database or as a superuser, or restore to a new database.",
      ),
    );
  }
  if (request.flags?.has("roles") === true && !survey.superuser) {
    found.push(
      ...finding(
        "error",
        "roles",
        `user "${user}" may not create the backup's roles: it is not a superuser`,
        "Run the restore as a superuser, or without --roles.",
      ),
    );
  }
  return found;
}

/** Databases shrink when they are loaded anew: the source's own size is a safe bound. */
function checkRoom({ facts, survey, request }: CheckedTarget): readonly Finding[] {
  const needed = `it takes ${megabytes(facts.databaseSizeBytes)} at most${survey.state === "occupied" ? ", beside what is there" : ""}`;
  if (survey.freeBytes === undefined) {
    return finding("note", "room", `how much room the server has cannot be known from here; ${needed}`);
  }
  const free = `${megabytes(survey.freeBytes)} are free on the server's disk`;
  if (survey.freeBytes >= facts.databaseSizeBytes) return finding("ok", "room", `${free}; ${needed}`);
  return finding(
    request.ignoreRoom === true ? "warning" : "error",
    "room",
    `${free}; ${needed}`,
    "Make room there, restore to another server, or go on all the same with --ignore-room: a full disk stops every database of that server.",
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;
}

function checkConnections({ survey: { freeConnections }, settings: { user } }: CheckedTarget): readonly Finding[] {
  if (freeConnections >= neededConnections) return [];
  return finding(
    "error",
    "connections",
    `the server lets "${user}" open ${Math.max(0, freeConnections)} more connections, and a restore needs ${neededConnections}`,
    "End sessions that nobody needs, or raise max_connections or the role's CONNECTION LIMIT.",
  );
}

/** What ends the sessions of a database, as a person would run it. */
export function endSessionsStatement(database: string): string {
  return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${quoteLiteral(database).trim()} AND pid <> pg_backend_pid();`;
}

function checkSessions({ survey, request, settings: { database } }: CheckedTarget): readonly Finding[] {
  if (survey.state !== "occupied" || !request.overwrite) return [];
  const found: Finding[] = [];
  if (survey.preparedTransactions > 0) {
    found.push(
      ...finding(
        "error",
        "connections",
        `${survey.preparedTransactions} prepared transactions keep "${database}" from being renamed`,
        "Commit or roll them back: SELECT gid FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED.",
      ),
    );
  }
  if (survey.sessions === 0) return found;
  const sessions = survey.sessions === 1 ? "1 session is" : `${survey.sessions} sessions are`;
  const ending = request.flags?.has("end-connections") === true;
  return [
    ...found,
    ...(ending
      ? finding("note", "connections", `${sessions} connected to "${database}", and will be ended when the copy is ready`)
      : finding(
          "warning",
          "connections",
          `${sessions} connected to "${database}", and must end before the copy can take its name`,
          `Stop what connects, or end them when the time comes (--end-connections does it): ${endSessionsStatement(database)}`,
        )),
  ];
}

function checkLeftovers({ survey: { leftovers } }: CheckedTarget): readonly Finding[] {
  return leftovers.flatMap((name) =>
    finding(
      "warning",
      "leftovers",
      `the database "${name}" was left by a restore that was cut off, and takes room`,
      `Drop it when no restore is running: DROP DATABASE ${quoteIdentifier(name)};`,
    ),
  );
}
