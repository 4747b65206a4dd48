/** The vault format's version: which this Holdfast writes and reads. */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { isRecord } from "./json-shape.ts";

export const formatVersion = 2;

/**
 * Refuses a document of another format version, whatever else it contains. Errors: VaultInvalid.
 */
export function assertKnownVersion(document: unknown, where: string): void {
  const version = isRecord(document) ? document["formatVersion"] : undefined;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version === formatVersion) return;
  if (version > formatVersion) {
    throw new HoldfastError("VaultInvalid", `${where} was written by a newer Holdfast, in format version ${version}`, {
      hint: "Upgrade Holdfast to the version that wrote this vault, or a later one.",
    });
  }
  throw new HoldfastError(
    "VaultInvalid",
    `${where} was written by a development version of Holdfast, in format version ${version}`,
    {
      hint: "No release wrote that format, and none reads it. Name an empty folder or prefix as the vault, and make new backups.",
    },
  );
}
