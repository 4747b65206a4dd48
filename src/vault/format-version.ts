/** The vault format's version: which this Holdfast writes and reads. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { isRecord } from "./json-shape.ts";

export const formatVersion = 1;

/** Refuses a document of a later format version, whatever else it holds. Errors: VaultInvalid. */
export function assertKnownVersion(document: unknown, where: string): void {
  const version = isRecord(document) ? document["formatVersion"] : undefined;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version <= formatVersion) return;
  throw new HoldfastError("VaultInvalid", `${where} was written by a newer Holdfast, in format version ${version}`, {
    hint: "Upgrade Holdfast to the version that wrote this vault, or a later one.",
  });
}
