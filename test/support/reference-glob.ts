/**
 * What docs/files.md, "Patterns", says of `*`, `?` and `**`, in the shortest code: slow, and meant
 * to be obviously right.
 */

/**
 * Whether a pattern with a slash, or anchored by one, matches the path; names are compared by code
 * point.
 */
export function matchesReference(pattern: string, path: string): boolean {
  const body = pattern.replace(/^\//, "");
  const parts = body.split("/");
  const anchored = pattern.startsWith("/") || body.includes("/") || parts[0] === "**";
  return matchParts(anchored ? parts : ["**", ...parts], path.split("/"));
}

function matchParts(parts: readonly string[], names: readonly string[]): boolean {
  const [part, ...rest] = parts;
  if (part === undefined) return names.length === 0;
  if (part === "**") {
    if (rest.length === 0) return names.length > 0;
    return matchParts(rest, names) || (names.length > 0 && matchParts(parts, names.slice(1)));
  }
  return names.length > 0 && matchName([...part], [...(names[0] ?? "")]) && matchParts(rest, names.slice(1));
}

function matchName(glob: readonly string[], name: readonly string[]): boolean {
  const [token, ...rest] = glob;
  if (token === undefined) return name.length === 0;
  if (token === "*") return matchName(rest, name) || (name.length > 0 && matchName(glob, name.slice(1)));
  return name.length > 0 && (token === "?" || token === name[0]) && matchName(rest, name.slice(1));
}
