/** A part of the archive on its way: its bytes in memory, or only what is to be known of them. */
import { createHash } from "node:crypto";
import { type PartRecord, sha256Of } from "./part-list.ts";

type Measured = Omit<PartRecord, "name">;

/** Pieces are joined to chunks of this size: what comes after costs by the chunk. */
const chunkBytes = 262_144;

/** Counts and sums a part's bytes; the first piece is the header of its first entry. */
export function measurePart(): { update(piece: Buffer): void; finish(): Measured } {
  const sum = createHash("sha256");
  let [bytes, headSha256] = [0, ""];
  return {
    update(piece) {
      if (bytes === 0) headSha256 = sha256Of(piece);
      bytes += piece.length;
      sum.update(piece);
    },
    finish: () => ({ bytes, sha256: sum.digest("hex"), headSha256 }),
  };
}

export interface PartBytes {
  readonly bytes: number;
  add(piece: Buffer): void;
  /** To be called once. */
  finish(): Measured & { readonly chunks: readonly Buffer[] };
}

/** Keeps a part in memory until its checksum says whether it is to be stored. */
export function gatherPart(): PartBytes {
  const measure = measurePart();
  const chunks: Buffer[] = [];
  let pieces: Buffer[] = [];
  let [bytes, waiting] = [0, 0];
  const join = () => {
    if (waiting > 0) chunks.push(Buffer.concat(pieces, waiting));
    [pieces, waiting] = [[], 0];
  };
  return {
    get bytes() {
      return bytes;
    },
    add(piece) {
      measure.update(piece);
      pieces.push(piece);
      bytes += piece.length;
      waiting += piece.length;
      if (waiting >= chunkBytes) join();
    },
    finish() {
      join();
      return { ...measure.finish(), chunks };
    },
  };
}
