/**
 * The port to what a policy needs to know of an engine. Adapters: engines/<name>/policy.ts, listed
 * in engines.ts. What an engine does with a source is its other port, src/engines/engine.ts.
 */
import type * as z from "zod";
import { chainsOf, type KindRules, kindsOf, reusesOf } from "./kind-rules.ts";
import type { PathResolver } from "./path-resolver.ts";
import type { ConnectionReference, EngineTraits, SourceConfig } from "./policy.ts";
import type { WrittenSource } from "./written-source.ts";

/** A source as its engine's `resolve` makes it; the caller adds secrets and traits. */
export type Resolved<S extends SourceConfig> = Omit<S, "secrets" | "traits">;

/** What every source has, resolved; the engine adds its own. */
export type CommonSource = Resolved<SourceConfig>;

/**
 * An option of `holdfast init` for a first source of this engine. Engines whose options have the
 * same name share the option.
 */
export interface InitialOption {
  /** `connection`, for `--connection <reference>`. */
  readonly name: string;
  /** What stands between the angle brackets. */
  readonly value: string;
  readonly description: string;
  /** The value when the option is not given. Without one, the option is required. */
  readonly default?: string;
  /** A value as people write it; for the message that asks for the option. */
  readonly sample: string;
}

/** How a first policy of this engine begins. */
export interface InitialSource {
  readonly options: readonly InitialOption[];
  /**
   * The lines of a source in a commented policy, indented by four; `values` are YAML texts, by the
   * options' names, and `common` the lines of every source.
   */
  lines(values: Readonly<Record<string, string>>, common: string): string;
  /** A command of the help of `holdfast init`, without the program's name; absent: none. */
  readonly example?: string;
}

/**
 * A row of the reference's table of values: what the engine's keys take that no other engine's do.
 */
export interface ValueForm {
  readonly name: string;
  readonly written: string;
  readonly meaning: string;
}

/** A switch of `holdfast restore` that this engine alone knows. */
export interface RestoreFlag {
  /** `roles`, for `--roles`; may begin with `no-`. */
  readonly name: string;
  /** What stands between the angle brackets, for an option that takes a value. */
  readonly value?: string;
  readonly description: string;
}

/** What `holdfast restore` says and takes for this engine. */
export interface RestoreWords {
  /** The forms that a target after --to has. */
  readonly targets: string;
  /** What may stand after --only; absent: it restores backups as a whole. */
  readonly only?: string;
  readonly flags: readonly RestoreFlag[];
}

/** What is taken out of a restored copy; of a path, `findProblem` says why it is not a pattern. */
export type ErasureForm = { readonly form: "rows" } | { readonly form: "paths"; findProblem(path: string): string | undefined };

/** How `holdfast find` names an object of this engine. */
export interface FindWords {
  /** `table`, for `--table <name>`. */
  readonly name: string;
  /** What stands between the angle brackets. */
  readonly value: string;
  readonly description: string;
  /**
   * Which objects of a backup (`table public.orders`) are meant by what a person wrote. Several
   * may be: a directory is all that it holds.
   */
  compile(given: string): (object: string) => boolean;
}

export interface EnginePolicy<S extends SourceConfig = SourceConfig, W extends WrittenSource = WrittenSource> {
  /** The word after `engine:`, and the name of its folder in src/engines. */
  readonly name: string;
  /** The kinds of backup that it makes; a policy that schedules another is refused. */
  readonly kinds: KindRules;
  /** `network`: a stack in the cloud can reach the source. `machine`: it lies on one machine. */
  readonly reach: EngineTraits["reach"];
  readonly units: EngineTraits["units"];
  /**
   * Environment variables that the engine's tools take a secret from, beside the policy's
   * references.
   */
  readonly secretVariables: readonly string[];
  /**
   * A mapping (schema-terms.ts, `section`) whose `engine` is a literal, made of the keys of every
   * source (schema-sources.ts) and its own.
   */
  readonly schema: z.ZodObject & z.ZodType<W>;
  /**
   * The source of its own written keys and what every source has. Paths and secrets go through
   * `paths`, which gathers their problems.
   */
  resolve(written: W, common: CommonSource, paths: PathResolver): Resolved<S>;
  /**
   * Where to find each secret that a backup of the source needs: alerts redact them, its roles may
   * read them, no backup holds their files.
   */
  secretsOf(source: Resolved<S>): readonly ConnectionReference[];
  readonly initial: InitialSource;
  readonly valueForms: readonly ValueForm[];
  readonly restore: RestoreWords;
  /** What an entry of the erasure ledger names; absent: nothing can be taken out of a restore. */
  readonly erases?: ErasureForm;
  /** Absent: its backups hold nothing that has a name. */
  readonly find?: FindWords;
}

/**
 * The engines that a policy may name, in the order in which people read them; the first is what
 * `holdfast init` takes.
 */
export type EnginePolicies = readonly [EnginePolicy, ...EnginePolicy[]];

/** The engine of that name; undefined for any other word. */
export function findEngine(engines: EnginePolicies, name: unknown): EnginePolicy | undefined {
  return engines.find((engine) => engine.name === name);
}

/** What a resolved source carries of its engine. */
export function traitsOf(engine: EnginePolicy): EngineTraits {
  const { reach, units, secretVariables } = engine;
  return { kinds: kindsOf(engine), reuses: reusesOf(engine), chains: chainsOf(engine), reach, units, secretVariables };
}
