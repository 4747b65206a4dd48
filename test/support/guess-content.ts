/**
 * What somebody does who has a vault and no key, and guesses what was backed up: hashes each guess
 * in every way that needs no secret, and looks for the result in all bytes of the vault.
 */
import { createHash, createHmac } from "node:crypto";

/** What a guess could be confirmed by: any digest of it that stands in the vault. */
export interface VaultSearch {
  /**
   * The ways in which a guess of these bytes stands somewhere: `sha256`, `hmac-sha256(vault id)` …
   */
  find(guess: Uint8Array): string[];
  /** Whether a digest that was made elsewhere stands somewhere. */
  has(digest: Uint8Array): boolean;
}

/** So many bytes of a digest are looked for: they are not there by chance. */
const shownBytes = 8;

/**
 * Searches objects by their raw bytes and by whatever in them is written as hex or base64, at every
 * offset. `words` are what the attacker knows that might be a key: ids, names.
 */
export function searchVault(objects: Iterable<Uint8Array>, words: readonly string[]): VaultSearch {
  const windows = new Set<string>();
  const add = (bytes: Buffer): void => {
    for (let at = 0; at + shownBytes <= bytes.length; at++) windows.add(bytes.toString("latin1", at, at + shownBytes));
  };
  for (const object of objects) {
    const text = Buffer.from(object).toString("latin1");
    add(Buffer.from(object));
    for (const [hex] of text.matchAll(/[0-9a-fA-F]{16,}/g)) {
      add(Buffer.from(hex, "hex"));
      add(Buffer.from(hex.slice(1), "hex"));
    }
    for (const [base64] of text.matchAll(/[A-Za-z0-9+/_-]{10,}/g)) {
      for (let shift = 0; shift < 4; shift++) add(Buffer.from(base64.slice(shift), "base64"));
    }
  }
  const keys = words.flatMap((word) => [
    [word, Buffer.from(word)] as const,
    ...(/^(?:[0-9a-f]{2})+$/.test(word) ? [[`0x${word}`, Buffer.from(word, "hex")] as const] : []),
  ]);
  keys.push(["", Buffer.alloc(0)], ["zeros", Buffer.alloc(32)]);
  const has = (digest: Uint8Array): boolean => windows.has(Buffer.from(digest).toString("latin1", 0, shownBytes));
  return { has, find: (guess) => digestsOf(guess, keys).flatMap(([way, digest]) => (has(digest) ? [way] : [])) };
}

function digestsOf(guess: Uint8Array, keys: readonly (readonly [string, Buffer])[]): [string, Buffer][] {
  const plain: [string, Buffer][] = ["sha256", "sha1", "md5", "sha512"].map((name) => [
    name,
    createHash(name).update(guess).digest(),
  ]);
  const bytes = Buffer.from(guess);
  const sha256 = plain[0]?.[1].toString("hex") ?? "";
  const keyed = keys.flatMap(([name, key]) =>
    [bytes, Buffer.from(sha256), Buffer.from(sha256, "hex")].map((each, form): [string, Buffer] => [
      `hmac-sha256(${name}, ${["bytes", "sha256 in hex", "sha256"][form]})`,
      createHmac("sha256", key).update(each).digest(),
    ]),
  );
  return [...plain, ...plain.map(([name, digest]): [string, Buffer] => [`sha256(${name} in hex)`, hashHex(digest)]), ...keyed];
}

const hashHex = (digest: Buffer): Buffer => createHash("sha256").update(digest.toString("hex")).digest();
