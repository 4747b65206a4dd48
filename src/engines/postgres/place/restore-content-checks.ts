/** Checks of what the backup's content asks of the server: roles, tablespaces, extensions, text. */
import type { Finding } from "../../finding.ts";
import { quoteIdentifier } from "../script/script-identifiers.ts";
import { type Check, type CheckedTarget, finding } from "./checked-target.ts";

export const contentChecks: readonly Check[] = [checkRoles, checkTablespaces, checkExtensions, checkEncoding];

function checkRoles({ settings: { user }, survey, request, wishes }: CheckedTarget): readonly Finding[] {
  const { role, noOwner, noPrivileges } = wishes;
  if (role !== undefined && !survey.newOwner.present) {
    return finding(
      "error",
      "roles",
      `the role "${role}" of --role does not exist there`,
      `Create it (CREATE ROLE ${quoteIdentifier(role)}), or name another.`,
    );
  }
  if (role !== undefined && !survey.newOwner.usable) {
    const remedy = `Make it a member (GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(user)}), or name another role.`;
    return finding("error", "roles", `user "${user}" is not a member of "${role}", and cannot give everything to it`, remedy);
  }
  if (survey.missingRoles.length === 0 || request.flags?.has("roles") === true || (noOwner && noPrivileges)) return [];
  return finding(
    "warning",
    "roles",
    `roles missing on this server: ${survey.missingRoles.join(", ")}; what they own belongs to "${role ?? user}", grants to them are left out`,
    survey.superuser
      ? "Create them first, or let the restore do it with --roles; --no-owner --no-privileges leaves them out on purpose."
      : "Create them first, as one who may; --no-owner --no-privileges leaves them out on purpose.",
  );
}

function checkTablespaces({
  settings: { user },
  survey,
  wishes: { tablespace, noTablespaces },
}: CheckedTarget): readonly Finding[] {
  if (tablespace !== undefined) {
    const quoted = quoteIdentifier(tablespace);
    if (!survey.newTablespace.present) {
      return finding(
        "error",
        "tablespace",
        `the tablespace "${tablespace}" does not exist there`,
        `Create it (CREATE TABLESPACE ${quoted} LOCATION …), or name another.`,
      );
    }
    if (!survey.newTablespace.usable) {
      const remedy = `Give it the right: GRANT CREATE ON TABLESPACE ${quoted} TO ${quoteIdentifier(user)}.`;
      return finding("error", "tablespace", `user "${user}" may not create anything in the tablespace "${tablespace}"`, remedy);
    }
    if (survey.state === "empty") {
      return finding(
        "error",
        "tablespace",
        "the target exists already, so its tablespace cannot be chosen",
        "Leave --tablespace out, or restore to a new database.",
      );
    }
  }
  if (noTablespaces || survey.missingTablespaces.length === 0) return [];
  return finding(
    "warning",
    "tablespaces",
    `tablespaces missing on this server: ${survey.missingTablespaces.join(", ")}; the default one is used`,
    "Create them first, or choose one for everything with --tablespace.",
  );
}

function checkExtensions({ survey, withoutExtensions }: CheckedTarget): readonly Finding[] {
  const missing = survey.missingExtensions.filter((extension) => !withoutExtensions.includes(extension.split(" ")[0] as string));
  if (missing.length === 0) return [];
  return finding(
    "warning",
    "extensions",
    `extensions missing on this server: ${missing.join(", ")}; what needs them cannot be restored`,
    "Install their packages on the server, or name them under restoreTest.withoutExtensions in the policy.",
  );
}

function checkEncoding({ facts, survey, settings: { database } }: CheckedTarget): readonly Finding[] {
  if (survey.state === "empty") {
    const { encoding } = survey;
    if (encoding === undefined || encoding === facts.encoding || encoding === "UTF8") return [];
    return finding(
      "warning",
      "encoding",
      `"${database}" has the encoding ${encoding}, and the backup's database ${facts.encoding}: a character that ${encoding} lacks cannot be stored`,
      `Drop the empty database (DROP DATABASE ${quoteIdentifier(database)}): the restore then creates it with the right encoding.`,
    );
  }
  if (survey.knowsLocale) return [];
  return finding(
    "warning",
    "locale",
    `this server does not list the locale ${facts.collate} of the backup's database; where it has none, C is taken, text sorts differently, and the restore ends with exit code 4`,
    `Install the locale on the server's system (locale-gen ${facts.collate}), then restart PostgreSQL.`,
  );
}
