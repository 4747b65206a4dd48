/** A vault's id: what every seal names, for no backup of one vault to pass for one of another. */

/** Crockford's base 32, as in backups' ids: no letters that are mistaken for digits. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
/** 128 bits: nobody chooses it, and no two vaults draw the same. */
const idBytes = 16;
/** 26 characters of 5 bits; the first has 3. */
const idPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A new id of 128 random bits, in 26 characters. */
export function newVaultId(randomBytes: (count: number) => Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(randomBytes(idBytes)).toString("hex")}`);
  let id = "";
  for (let count = 0; count < 26; count++) {
    id = alphabet.charAt(Number(rest % 32n)) + id;
    rest /= 32n;
  }
  return id;
}

export function isVaultId(text: string): boolean {
  return idPattern.test(text);
}
