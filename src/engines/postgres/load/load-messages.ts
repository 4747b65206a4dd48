/** The messages that a load is judged by, where the archive's structure says nothing. */
import type { RestoreError } from "./load-errors.ts";

/** Settings that pg_restore's own preamble sets, and that an older server does not know. */
const preambleSetting = /^unrecognized configuration parameter "[a-z_]+"/;

const benign: readonly { readonly message: RegExp; readonly when?: (error: RestoreError) => boolean }[] = [
  { message: /^schema "public" already exists/ },
  { message: /^extension "[^"]+" already exists/ },
  { message: /^language "plpgsql" already exists/ },
  // The comment is the extension's own, and is there already.
  { message: /^must be owner of extension /, when: ({ entry }) => entry?.type === "COMMENT" },
  { message: preambleSetting, when: ({ command }) => /^SET [a-z_]+ (?:=|TO) /.test(command) },
];

/** What a server may lack, by its own messages. */
const lackingPatterns: readonly RegExp[] = [
  /^could not open extension control file/,
  /^extension "[^"]+" (?:is not available|has no installation script|must be)/,
  /^could not (?:access file|load library|find function)/,
  /^incompatible library/,
  /^(?:ICU|XML|LLVM) (?:is not supported|functionality)/,
  /not supported by this build|is not supported in this build|unsupported XML feature/,
  /^collation "[^"]+" for encoding "[^"]+" does not exist/,
  /^could not (?:create locale|open collator|find locale|convert locale)/,
  /^(?:invalid )?(?:LC_COLLATE |LC_CTYPE )?locale name/,
  /^invalid locale (?:name|provider)/,
  /^encoding "[^"]+" does not match locale/,
  /^tablespace "[^"]+" does not exist/,
  /^could not set "default_(?:tablespace|table_access_method)" /,
  /^role "[^"]+" does not exist/,
  /^unrecognized configuration parameter/,
  /^invalid value for parameter "(?:default_text_search_config|lc_[a-z]+|TimeZone)"/,
  /^text search template "[^"]+" does not exist/,
  // Said by Holdfast, of a right that its grantor may not give (grant-rights.ts).
  /^its grantor may no longer grant it: /,
];

/** A role that may not do everything: a restore's target, never a throwaway. */
const privilegePatterns: readonly RegExp[] = [
  /^permission denied/,
  /^must be (?:superuser|owner|able to|a member)/,
  /^must have /,
  /^only (?:superuser|roles with)/i,
  // Only superusers make aggregates over internal state.
  /^aggregate transition data type cannot be internal/,
];

/** Whether the error changes nothing of the content. */
export function meansNothing(error: RestoreError): boolean {
  return benign.some((rule) => rule.message.test(error.message) && rule.when?.(error) !== false);
}

/** Whether the message names what this server lacks: a library, a locale, a role. */
export function lacksByMessage(message: string): boolean {
  return lackingPatterns.some((pattern) => pattern.test(message));
}

/** The message, with what would help where a server's own words do not say it. */
export function withRemedy(message: string): string {
  if (!message.startsWith("ICU is not supported in this build")) return message;
  return `${message}; a server that was built with ICU is needed, as Debian's and PostgreSQL's own packages are, and the containers of a stack; its layer is not`;
}

/** Whether the message says that the loading role may not do it. */
export function lacksPrivilege(message: string): boolean {
  return privilegePatterns.some((pattern) => pattern.test(message));
}
