/** Extensions that a backup needs, against those that a server can install. */
import type { LoadFinding } from "../../../proof/content.ts";
import type { Connection } from "../connection/driver.ts";

export interface ExtensionCheck {
  readonly missing: readonly string[];
  readonly findings: readonly LoadFinding[];
}

export interface ExtensionAllowance {
  /** Those that the policy lets a proof do without. */
  readonly excepted?: readonly string[];
  /** What brings a missing one to this server. */
  readonly remedy?: (name: string) => string;
}

interface AvailableRow extends Record<string, unknown> {
  readonly name: string;
  readonly version: string;
}

/**
 * Compares the archive's extensions with the server's. One that is not available is lacking, by
 * name and version; another version of one is told, and changes nothing that the comparison would
 * not find. One that the policy lets a proof do without is excepted.
 */
export async function checkExtensions(
  names: readonly string[],
  wanted: readonly { readonly name: string; readonly version: string }[],
  connection: Connection,
  { excepted = [], remedy }: ExtensionAllowance = {},
): Promise<ExtensionCheck> {
  const available = new Map(
    (
      await connection.rows<AvailableRow>(
        "SELECT name::text AS name, default_version AS version FROM pg_catalog.pg_available_extensions",
      )
    ).map(({ name, version }) => [name, version]),
  );
  const findings: LoadFinding[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const version = wanted.find((extension) => extension.name === name)?.version;
    const found = available.get(name);
    const subject = `EXTENSION ${name}`;
    if (found === undefined) {
      missing.push(name);
      const what = version === undefined ? `extension ${name}` : `extension ${name} ${version}`;
      const known = excepted.includes(name);
      const more = known ? "the policy allows a proof without it" : remedy?.(name);
      const message = `${what} is not available on this server${more === undefined ? "" : `; ${more}`}`;
      findings.push({ class: known ? "excepted" : "lacking", subject, message });
    } else if (version !== undefined && found !== version) {
      findings.push({ class: "benign", subject, message: `is version ${found} here and ${version} in the source` });
    }
  }
  return { missing, findings };
}
