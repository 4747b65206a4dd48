/** An error and its cause as Step Functions keeps them, in lines for people. */
import { type Failure, readCause as readWholeCause } from "../../alerts/read-cause.ts";
import { escapeUnprintable } from "../../runtime/printable-text.ts";

/** A cause may have 32,768 characters; a line that long is read by nobody. */
const maxCharacters = 600;

/** As src/alerts/read-cause.ts reads it, with each text on one line that a terminal only prints. */
export function readCause(error: string | undefined, cause: string | undefined): Failure {
  const { error: name, message, hint, details } = readWholeCause(error, cause);
  return {
    error: escapeUnprintable(name),
    message: oneLine(message),
    ...(hint === undefined ? {} : { hint: oneLine(hint) }),
    details: details.map(oneLine),
  };
}

function oneLine(text: string): string {
  const line = escapeUnprintable(text.replaceAll(/\s+/g, " ").trim());
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line;
}
