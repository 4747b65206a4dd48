/**
 * Where a deployed stack runs code that comes with backups. The deployment writes it behind the
 * policy's text, as a comment, for
 * `holdfast --stack … check`: anyone who reads the deployed policy can tell, and needs no further
 * right.
 */

/**
 * `isolated`: a network of the stack's own, without a way out; `given`: subnets that the deployment
 * named; `open`: the Internet.
 */
export type Proving = "isolated" | "given" | "open";

const pattern = /\n# holdfast: proving=(isolated|given|open)$/;

/** The policy's text with the mark as its last line. */
export const markProving = (text: string, proving: Proving): string => `${text}\n# holdfast: proving=${proving}`;

/**
 * What the last line says; undefined: nothing that is known, for the stack was deployed by another
 * version.
 */
export const readProving = (text: string): Proving | undefined => pattern.exec(text)?.[1] as Proving | undefined;

/** The policy's text as it was before the mark, to the byte: its SHA-256 is that of the file. */
export const withoutMark = (text: string): string => text.replace(pattern, "");
