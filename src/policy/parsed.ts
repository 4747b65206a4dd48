/**
 * The answer of a parser of one short text: the value, or what is wrong with it in words for the
 * user.
 */

export type Parsed<T> = { readonly value: T } | { readonly problem: string };
