/** Reads YAML into plain values that remember where they stood. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
} from "yaml";
import { didYouMean } from "./nearest-name.ts";
import { type Anchor, findLineStarts, lineAt, type PlacedProblem, type PolicyPath } from "./problem.ts";
import { showValue } from "./secret-text.ts";
import { explainYamlErrors } from "./yaml-errors.ts";

export interface YamlTree {
  /** Mappings have no prototype, so that a key called `constructor` is a key like any other. */
  readonly value: unknown;
  /**
   * Duplicate keys, unknown aliases and the like; the value is still whole enough to be checked
   * further.
   */
  readonly problems: readonly PlacedProblem[];
  /** The offset of what stands at the path, or of the nearest thing above it. */
  readonly locate: (path: PolicyPath, anchor: Anchor) => number;
}

/**
 * Values a policy may have after its aliases are expanded; a policy of 1,000 sources has some
 * 30,000.
 */
const maxValues = 100_000;
/** Problems that get a guess at what was meant. */
const maxGuesses = 20;
/** Levels of nesting; the schema has 7. */
const maxLevels = 50;

/** Reads `text`; problems alone when it is no YAML. */
export function readYaml(text: string): YamlTree | { readonly problems: readonly PlacedProblem[] } {
  const document = parseText(text);
  if (document === undefined) return { problems: [{ path: [], message: "the policy is nested too deeply", offset: 0 }] };
  if (document.errors.length > 0) return { problems: explainYamlErrors(document, text) };
  const reader = new TreeReader(document, text);
  const value = reader.read(document.contents, [], 0);
  if (reader.overflow !== undefined) return { problems: [reader.overflow] };
  return { value, problems: reader.problems, locate: (path, anchor) => reader.locate(path, anchor) };
}

/** The document; undefined when the parser's recursion overflowed the stack. */
function parseText(text: string): Document | undefined {
  try {
    // Duplicate keys are looked for here, which is faster on long mappings and says where the first
    // one stood.
    return parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: "error", lineCounter: new LineCounter() });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Place {
  readonly key: number;
  readonly value: number;
}

/** One walk over one document: the places and problems it gathers belong together. */
class TreeReader {
  readonly problems: PlacedProblem[] = [];
  overflow: PlacedProblem | undefined;
  readonly #lineStarts: readonly number[];
  readonly #places = new Map<string, Place>();
  /**
   * Anchors met so far. Both maps are filled on the way: the parser's own look-up walks the
   * document for each alias.
   */
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Alias, Node>();
  /** The offset of the alias that is being expanded, the outermost one. */
  #expanding: number | undefined;
  #values = 0;

  constructor(document: Document, text: string) {
    this.#lineStarts = findLineStarts(text);
    const start = document.contents?.range?.[0] ?? 0;
    this.#places.set(placeKey([]), { key: start, value: start });
  }

  read(node: Node | null, path: PolicyPath, fallback: number): unknown {
    const offset = node?.range?.[0] ?? fallback;
    this.#values++;
    if (this.#values > maxValues || path.length > maxLevels) {
      const what =
        path.length > maxLevels
          ? `is nested deeper than ${maxLevels} levels`
          : `has more than ${maxValues} values once its aliases are expanded`;
      this.overflow ??= { path: [], message: `the policy ${what}`, offset: this.#expanding ?? offset };
    }
    if (this.overflow !== undefined || node === null) return null;
    if (isAlias(node)) return this.#readAlias(node, path, offset);
    this.#noteAnchor(node);
    if (node.tag !== undefined)
      this.#report(
        path,
        `tags such as ${showValue(node.tag.replace("tag:yaml.org,2002:", "!!"))} are not allowed; write the plain value`,
        offset,
      );
    if (isMap(node)) return this.#readMap(node.items as Pair<Node, Node | null>[], path);
    if (isSeq(node)) return node.items.map((item, index) => this.#readItem(item as Node | null, [...path, index], offset));
    return this.#readScalar(node as Scalar, path, offset);
  }

  locate(path: PolicyPath, anchor: Anchor): number {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(placeKey(path.slice(0, length)));
      // What is missing is missed in the thing above it, whose key is easier to find than its first
      // line.
      if (place !== undefined) return length === path.length ? place[anchor] : place.key;
    }
    return 0;
  }

  #readItem(item: Node | null, path: PolicyPath, fallback: number): unknown {
    const offset = item?.range?.[0] ?? fallback;
    this.#places.set(placeKey(path), { key: offset, value: offset });
    return this.read(item, path, fallback);
  }

  #readMap(pairs: readonly Pair<Node, Node | null>[], path: PolicyPath): unknown {
    const mapping: Record<string, unknown> = Object.create(null);
    const firsts = new Map<string, number>();
    for (const { key, value } of pairs) {
      const keyOffset = key?.range?.[0] ?? value?.range?.[0] ?? 0;
      const name = this.#readKey(key, path, keyOffset);
      if (name === undefined) continue;
      const first = firsts.get(name);
      if (first !== undefined) {
        this.#report([...path, name], `stands twice in this mapping; first in line ${this.#lineOf(first)}`, keyOffset);
        continue;
      }
      firsts.set(name, keyOffset);
      const here = [...path, name];
      this.#places.set(placeKey(here), { key: keyOffset, value: value?.range?.[0] ?? keyOffset });
      mapping[name] = this.read(value, here, keyOffset);
    }
    return mapping;
  }

  #noteAnchor(node: Node & { readonly anchor?: string }): void {
    // An alias's expansion meets the anchor again, perhaps behind another of its name.
    if (node.anchor !== undefined && this.#expanding === undefined) this.#anchors.set(node.anchor, node);
  }

  #readKey(key: Node | null, path: PolicyPath, offset: number): string | undefined {
    if (key !== null) this.#noteAnchor(key);
    if (!isScalar(key) || key.value === null || key.value === "") {
      this.#report(path, "a key must be a plain word", offset);
      return undefined;
    }
    // An object takes it for its prototype, and loses it.
    if (key.value === "__proto__") {
      this.#report(path, "__proto__ is not allowed as a key or a name", offset);
      return undefined;
    }
    if (key.value === "<<") {
      this.#report(path, "merge keys (<<) are not supported; write the keys out, or use an alias for the whole value", offset);
      return undefined;
    }
    return typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
  }

  #readAlias(alias: Alias, path: PolicyPath, offset: number): unknown {
    // An alias inside an anchor is met again with every alias of that, and means what it meant at
    // first.
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined) {
      const message = `no anchor stands above the alias ${showValue(`*${alias.source}`)}; a text that starts with * stands in quotes`;
      this.#report(path, `${message}${this.#guess(alias.source)}`, offset);
      return undefined;
    }
    this.#targets.set(alias, target);
    const outermost = this.#expanding === undefined;
    this.#expanding ??= offset;
    const value = this.read(target, path, offset);
    if (outermost) this.#expanding = undefined;
    return value;
  }

  /** Only beside the first problems: each guess compares a name with all anchors. */
  #guess(name: string): string {
    return this.problems.length < maxGuesses ? didYouMean(name, [...this.#anchors.keys()]) : "";
  }

  #readScalar(scalar: Scalar, path: PolicyPath, offset: number): unknown {
    const { value } = scalar;
    const inexact =
      typeof value === "number" && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)));
    if (!inexact) return value;
    this.#report(path, `${showValue(scalar.source ?? value)} is not a number that can be kept exactly; write it in quotes`, offset);
    return undefined;
  }

  #report(path: PolicyPath, message: string, offset: number): void {
    this.problems.push({ path, message, offset });
  }

  #lineOf(offset: number): number {
    return lineAt(this.#lineStarts, offset) + 1;
  }
}

function placeKey(path: PolicyPath): string {
  return JSON.stringify(path);
}
