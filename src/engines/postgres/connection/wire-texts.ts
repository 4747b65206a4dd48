/**
 * Texts in a server's messages. The driver's parser looks for the zero byte that ends a text
 * without regard to where the message, or the buffer, ends: a message without it would hold the
 * process in an endless loop that no signal ends.
 */

const headerBytes = 5;
const formatBytes = 18;
const saslCode = 10;

/**
 * By the message's first byte; gives where its texts end. Bodies without texts are not looked at.
 */
const readers: Readonly<Record<string, (message: Buffer) => number>> = {
  C: (message) => skipText(message, headerBytes),
  S: (message) => skipText(message, skipText(message, headerBytes)),
  A: (message) => skipText(message, skipText(message, headerBytes + 4)),
  E: (message) => skipList(message, headerBytes),
  N: (message) => skipList(message, headerBytes),
  T: skipColumns,
  R: (message) =>
    message.length >= headerBytes + 4 && message.readInt32BE(headerBytes) === saslCode
      ? skipList(message, headerBytes + 4)
      : message.length,
};

/** Whether messages that begin with this byte hold texts. */
export function hasTexts(type: number | undefined): boolean {
  return type !== undefined && Object.hasOwn(readers, String.fromCharCode(type));
}

/** Whether all texts of a whole message, its header included, end within it. */
export function hasWholeTexts(message: Buffer): boolean {
  const read = readers[String.fromCharCode(message[0] ?? 0)];
  return read === undefined || read(message) <= message.length;
}

/** What is beyond every message: a text that has no end. */
const unended = Number.POSITIVE_INFINITY;

function skipText(message: Buffer, at: number): number {
  const end = at >= message.length ? -1 : message.indexOf(0, at);
  return end < 0 ? unended : end + 1;
}

/**
 * Texts, of which an empty one is the last; an error's field is a letter and a text, which is a
 * text as well.
 */
function skipList(message: Buffer, start: number): number {
  for (let at = start; at < message.length; at = skipText(message, at)) if (message[at] === 0) return at + 1;
  return unended;
}

function skipColumns(message: Buffer): number {
  if (message.length < headerBytes + 2) return unended;
  let at = headerBytes + 2;
  for (let column = 0; column < message.readUInt16BE(headerBytes) && at !== unended; column++) {
    const end = skipText(message, at);
    at = end + formatBytes;
  }
  return at;
}
