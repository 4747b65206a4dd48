/**
 * The policy's text as the deployed stack keeps it: the value of one secret, which has a largest
 * size.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { markProving, type Proving, readProving, withoutMark } from "./proving-mark.ts";

/** A text that is too long for a secret is stored compressed, with this before its base64. */
const compressedMark = "gzip:";

/** AWS Secrets Manager quotas: 65,536 bytes of a secret's value. */
const maxBytes = 65_536;

/** More than any policy has; a few bytes of gzip can stand for gigabytes. */
const maxUnpackedBytes = 4_194_304;

/**
 * The secret's value: the text as it is written, with a mark of where its restore tests run;
 * compressed only when it would not fit.
 * Errors: PolicyInvalid, when it does not fit either.
 */
export function packPolicy(policyText: string, proving?: Proving): string {
  const text = proving === undefined ? policyText : markProving(policyText, proving);
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const packed = `${compressedMark}${gzipSync(text).toString("base64")}`;
  if (packed.length <= maxBytes) return packed;
  throw new HoldfastError(
    "PolicyInvalid",
    `the policy is too long to be deployed: ${packed.length} bytes compressed, ${maxBytes} is the most`,
    {
      hint: "Divide its sources among several policies, each with a stage of its own.",
    },
  );
}

/**
 * The text that `packPolicy` packed. Errors: PolicyInvalid, when what is marked as compressed is
 * not.
 */
export const unpackPolicy = (packed: string): string => withoutMark(decompress(packed));

/**
 * Where the stack of a packed policy runs restore tests; undefined: not known. Errors:
 * PolicyInvalid, as unpackPolicy.
 */
export const provingOf = (packed: string): Proving | undefined => readProving(decompress(packed));

function decompress(packed: string): string {
  if (!packed.startsWith(compressedMark)) return packed;
  try {
    return gunzipSync(Buffer.from(packed.slice(compressedMark.length), "base64"), { maxOutputLength: maxUnpackedBytes }).toString(
      "utf8",
    );
  } catch (error) {
    throw new HoldfastError("PolicyInvalid", "the deployed policy cannot be unpacked", {
      cause: error,
      hint: "Deploy the stack again: its policy's secret was changed by something else.",
    });
  }
}
