/** Errors as osls shows them: it prints a stack, and a person who deploys needs what to fix. */
import { isHoldfastError } from "../src/errors/holdfast-error.ts";

/**
 * What a person can fix, as opposed to a fault of this program, or osls's own ways of asking
 * again.
 */
class Refusal extends Error {}

/** The error with what is wrong and how to fix it in place of its stack; others as they are. */
export function readableError(error: unknown): unknown {
  if (!isHoldfastError(error)) return error;
  const text = [error.message, ...error.details.map((detail) => `  ${detail}`), error.hint].join("\n");
  return Object.assign(new Refusal(text), { stack: text });
}

/**
 * One part of what is generated; empty where it was refused. osls asks for every part and lists
 * each refusal: `custom` alone says it.
 */
export async function partUnlessRefused<All, Part>(all: Promise<All>, part: (all: All) => Part): Promise<Part | object> {
  try {
    return part(await all);
  } catch (error) {
    if (error instanceof Refusal) return {};
    throw error;
  }
}
