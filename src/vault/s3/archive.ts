/**
 * Storage classes whose objects must be brought back before they can be read, and how long that
 * takes.
 */
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import type { Archive } from "../object-store.ts";

/**
 * Standard retrievals end within so many hours (Amazon S3 user guide, "Understanding archive
 * retrieval options").
 */
const thawHours: Readonly<Record<string, number>> = { GLACIER: 5, DEEP_ARCHIVE: 12 };

/** Hours until an object of the class can be read, or undefined where that is at once. */
export function thawHoursOf(storageClass: string | undefined): number | undefined {
  return storageClass === undefined ? undefined : thawHours[storageClass];
}

/**
 * The archive that a HEAD tells of, as a part of StoredObject; nothing when a copy has been brought
 * back.
 */
export function archiveOf({ StorageClass, Restore }: Pick<HeadObjectCommandOutput, "StorageClass" | "Restore">): {
  readonly archive?: Archive;
} {
  const hours = thawHoursOf(StorageClass);
  if (StorageClass === undefined || hours === undefined || Restore?.includes('ongoing-request="false"') === true) return {};
  return { archive: { tier: StorageClass, thawHours: hours, thawing: Restore?.includes('ongoing-request="true"') === true } };
}
