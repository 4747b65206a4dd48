/**
 * What a layer says of itself: the first thing that packaging asks, before a function runs in it.
 */
import { inflateRawSync } from "node:zlib";

/**
 * Of Lambda: a function and its layers together, unpacked (AWS Lambda quotas, "Deployment
 * package").
 */
export const maxUnpackedBytes = 250 * 1024 * 1024;

/** In the layer's root, `/opt` in Lambda. */
export const layerManifestName = "holdfast-tools.json";

export interface LayerManifest {
  readonly format: 1;
  readonly architecture: "arm64" | "x86_64";
  readonly majors: readonly number[];
  /** Major -> extensions beyond PostgreSQL's own. */
  readonly extensions: Readonly<Record<string, readonly string[]>>;
  readonly locales: readonly string[];
  /** Names of further files in its root, such as RDS's authorities. */
  readonly files: readonly string[];
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
}

/** The manifest's text. */
export function describeLayer(contents: Omit<LayerManifest, "format">): string {
  return `${JSON.stringify({ format: 1, ...contents } satisfies LayerManifest, null, 1)}\n`;
}

/** PKWARE's APPNOTE: the signatures of a zip's directory and of its end, and their lengths. */
const [centralSignature, endSignature, centralBytes, endBytes] = [0x02_01_4b_50, 0x06_05_4b_50, 46, 22];
const deflated = 8;

/** The manifest in a layer's zip; undefined when there is none that this version understands. */
export function readLayerManifest(zip: Buffer): LayerManifest | undefined {
  try {
    const found = JSON.parse(readEntry(zip, layerManifestName)?.toString("utf8") ?? "") as LayerManifest;
    return found.format === 1 ? found : undefined;
  } catch {
    return undefined;
  }
}

function readEntry(zip: Buffer, wanted: string): Buffer | undefined {
  const end = zip.length - endBytes;
  if (end < 0 || zip.readUInt32LE(end) !== endSignature) return undefined;
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0 && zip.readUInt32LE(at) === centralSignature; left -= 1) {
    const [nameBytes, moreBytes, commentBytes] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    if (zip.toString("utf8", at + centralBytes, at + centralBytes + nameBytes) === wanted) {
      const local = zip.readUInt32LE(at + 42);
      const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const bytes = zip.subarray(from, from + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === deflated ? inflateRawSync(bytes) : bytes;
    }
    at += centralBytes + nameBytes + moreBytes + commentBytes;
  }
  return undefined;
}
