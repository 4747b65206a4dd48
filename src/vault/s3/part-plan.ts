/**
 * How large each part of a multipart upload is, so that a stream of unknown length fits into a
 * limited number of parts. Pure.
 */

const mebibyte = 1024 * 1024;

/** S3's limits on a part that is not the last (docs: "Amazon S3 multipart upload limits"). */
export const smallestPartBytes = 5 * mebibyte;
export const largestPartBytes = 5 * 1024 * mebibyte;
/** What all parts in memory together may take, as long as parts are small enough for that. */
export const memoryBudgetBytes = 96 * mebibyte;
/** More requests at once gain nothing on one connection's worth of bandwidth, and cost sockets. */
const maxConcurrentParts = 6;
/** The largest object that the plan must fit into 10,000 parts. */
const largestStreamBytes = 5 * 1024 * 1024 * mebibyte;

export interface PartPlan {
  readonly partsLimit: number;
  /**
   * Bytes of the part with this index, counted from 0; a multiple of 1 MiB, never smaller than that
   * of the part before.
   */
  partBytes(index: number): number;
  /** How many parts may be on their way while another one of this size is being filled. */
  concurrency(partBytes: number): number;
  /** What all parts can hold together. */
  readonly capacityBytes: number;
}

/**
 * Steps for the first parts: up to this share of the parts, this size. Within the memory budget,
 * with at least two parts on their way.
 */
const lastStep = { untilShare: 0.4, partBytes: 32 * mebibyte };
const steps = [{ untilShare: 0.1, partBytes: 8 * mebibyte }, { untilShare: 0.2, partBytes: 16 * mebibyte }, lastStep];

/**
 * Some providers (Cloudflare R2) demand that all parts but the last are equally large: 468 GiB in
 * 10,000 parts.
 */
const equalPartBytes = 48 * mebibyte;

/**
 * The plan for `partsLimit` parts. Sizes rise in steps while the stream is small (86 GiB in 4,000
 * of 10,000 parts), then linearly, as slowly as lets 5 TiB fit, or as far as 5 GiB a part allow.
 * Memory stays within the budget up to about 100 GiB; beyond, one part at a time is held, which is
 * 0.8 GiB at 1 TiB and 1.7 GiB at 5 TiB: a part must be in memory as a whole, or it could not be
 * sent again.
 */
export function planParts(partsLimit: number, options: { readonly equalParts?: boolean } = {}): PartPlan {
  const linearFrom = Math.floor(partsLimit * lastStep.untilShare);
  const stepOf = (index: number) => steps.find(({ untilShare }) => index < Math.floor(partsLimit * untilShare));
  let steppedBytes = 0;
  for (let index = 0; index < linearFrom; index += 1) steppedBytes += stepOf(index)?.partBytes ?? 0;
  const first = lastStep.partBytes;
  const linearParts = partsLimit - linearFrom;
  // The area of a trapezoid, solved for its longer side, with what rounding up to whole MiB cannot
  // take away.
  const last = Math.min((2 * (largestStreamBytes - steppedBytes)) / Math.max(linearParts, 1) - first, largestPartBytes);
  const slope = linearParts > 1 ? (Math.max(last, first) - first) / (linearParts - 1) : 0;
  const partBytes = (index: number): number => {
    if (options.equalParts === true) return equalPartBytes;
    const step = stepOf(index);
    if (step !== undefined) return step.partBytes;
    return Math.min(Math.ceil((first + slope * (index - linearFrom)) / mebibyte) * mebibyte, largestPartBytes);
  };
  let capacityBytes = 0;
  for (let index = 0; index < partsLimit; index += 1) capacityBytes += partBytes(index);
  return { partsLimit, partBytes, concurrency: concurrencyFor, capacityBytes };
}

/**
 * At least one on its way; when even that breaks the budget, the next part is not begun before it
 * has arrived.
 */
function concurrencyFor(partBytes: number): number {
  const fitting = Math.floor(memoryBudgetBytes / partBytes) - 1;
  return Math.max(0, Math.min(maxConcurrentParts, fitting));
}
