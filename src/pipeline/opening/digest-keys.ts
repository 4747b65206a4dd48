/**
 * Digest keys in the vault, and what documents say under them (docs/vault-format.md, "Digests").
 * Whatever is wrong with a digest key, nothing of its backup is lost: its content is sealed without
 * it, and only what documents say of the content cannot be compared.
 */
import { isHoldfastError } from "../../errors/holdfast-error.ts";
import type { ContentDigest, SourceCheckResult } from "../../proof/content.ts";
import {
  countsOf,
  joinDigest,
  joinSourceCheck,
  type RecordedDigest,
  type RecordedSourceCheck,
  type Split,
  splitDigest,
  splitSourceCheck,
} from "../../proof/recorded-digest.ts";
import type { RunContext } from "../../runtime/run-context.ts";
import { type DigestKey, makeDigestKey, openDigestKey } from "../../sealing/digest-key.ts";
import { openTexts, sealTexts } from "../../sealing/sealed-texts.ts";
import { maxSmallMessageBytes } from "../../sealing/small-message.ts";
import { canonicalJson } from "../../vault/documents/canonical-json.ts";
import type { Manifest } from "../../vault/documents/manifest.ts";
import { readSmall } from "../../vault/documents/read-small.ts";
import { type BackupPlace, keyOf } from "../../vault/layout.ts";
import type { ArtifactTarget } from "../dump/write-artifact.ts";
import type { PipelineContext } from "../pipeline-context.ts";
import type { SealedVault } from "./authentic-manifest.ts";
import { openingKeysFor } from "./opening-keys.ts";

type RandomBytes = RunContext["randomBytes"];

/**
 * Makes a backup's digest key and stores it: before the artifacts, whose records need it. Errors:
 * KeyFileInvalid, KeyUnavailable, those of ObjectStore.put.
 */
export async function writeDigestKey(
  { store, keys, vaultId, source, backupId, retainUntil }: Omit<ArtifactTarget, "digestKey">,
  { randomBytes, signal }: Pick<RunContext, "randomBytes" | "signal">,
): Promise<DigestKey> {
  const { key, sealed } = await makeDigestKey(randomBytes, { keys, context: { vaultId, source, backupId } });
  const lock = retainUntil === undefined ? {} : { retainUntil };
  await store.put(keyOf.digestKey(source, backupId), sealed, { ifAbsent: true, signal, ...lock });
  return key;
}

/**
 * The digest key of a backup, or undefined where it is lost, was changed, or cannot be opened here:
 * then that is logged. Errors: those of the store as a whole.
 */
export async function readDigestKey(
  context: PipelineContext,
  { store, id: vaultId }: SealedVault,
  { source, id, digestKeyId }: Pick<Manifest, "source" | "id" | "digestKeyId">,
): Promise<DigestKey | undefined> {
  const tell = (problem: string): undefined => {
    context.run.log.warn(`the digest key of ${id} ${problem}: what was recorded of its content cannot be compared`);
    return undefined;
  };
  try {
    const keys = await openingKeysFor(context, source);
    const { bytes } = await readSmall(store, keyOf.digestKey(source, id), maxSmallMessageBytes);
    const opened = await openDigestKey(bytes, digestKeyId, { keys, context: { vaultId, source, backupId: id } });
    return "problem" in opened ? tell(opened.problem) : opened;
  } catch (error) {
    if (isHoldfastError(error, "ObjectNotFound")) return tell("is missing");
    if (isHoldfastError(error, "VaultInvalid", "StoreAccessDenied")) return tell(`cannot be read (${error.message})`);
    if (isHoldfastError(error, "KeyMissing", "KeyUnavailable", "KeyFileInvalid"))
      return tell(`cannot be opened (${error.message})`);
    throw error;
  }
}

/** A digest as evidence has it: without a digest key, its counts and sizes alone. */
export function recordDigest(digest: ContentDigest, key: DigestKey | undefined, randomBytes: RandomBytes): RecordedDigest {
  const recorded = record("content digest", splitDigest(digest), key, randomBytes);
  return key === undefined ? recorded : { ...recorded, digestKeyId: key.id };
}

/** A recorded digest with its hashes; undefined where those cannot be had, or were changed. */
export function openDigest({ digestKeyId, ...recorded }: RecordedDigest, key: DigestKey | undefined): ContentDigest | undefined {
  const texts = key?.id === digestKeyId ? open("content digest", recorded, key) : undefined;
  return texts === undefined ? undefined : joinDigest(recorded, texts);
}

/**
 * The digest that evidence of a backup has; its counts and sizes alone, where its digest key is
 * lost. Errors: those of readDigestKey.
 */
export async function openRecordedDigest(
  context: PipelineContext,
  vault: SealedVault,
  { source, id }: BackupPlace,
  recorded: RecordedDigest,
): Promise<ContentDigest | RecordedDigest> {
  const { digestKeyId } = recorded;
  if (digestKeyId === undefined) return recorded;
  return openDigest(recorded, await readDigestKey(context, vault, { source, id, digestKeyId })) ?? recorded;
}

/** What the source said of itself, as the manifest has it. */
export function recordSourceCheck(check: SourceCheckResult, key: DigestKey, randomBytes: RandomBytes): RecordedSourceCheck {
  const split = splitSourceCheck(check);
  return check.mode === "content" ? record("source check", split, key, randomBytes) : split.clear;
}

/** What the source said of itself: its counts alone, where its hashes cannot be had. */
export function openSourceCheck(recorded: RecordedSourceCheck, key: DigestKey | undefined): SourceCheckResult {
  const texts = open("source check", recorded, key);
  return (texts === undefined ? undefined : joinSourceCheck(recorded, texts)) ?? countsOf(recorded);
}

function record<C extends object>(
  purpose: string,
  { clear, texts }: Split<C>,
  key: DigestKey | undefined,
  randomBytes: RandomBytes,
): C & { readonly sealed?: readonly string[] } {
  if (key === undefined) return clear;
  return { ...clear, sealed: sealTexts(key, { purpose, clear: canonicalJson(clear), texts }, randomBytes) };
}

function open<C extends { readonly sealed?: readonly string[] }>(
  purpose: string,
  { sealed, ...clear }: C,
  key: DigestKey | undefined,
): readonly string[] | undefined {
  if (key === undefined || sealed === undefined) return undefined;
  return openTexts(key, { purpose, clear: canonicalJson(clear), sealed });
}
