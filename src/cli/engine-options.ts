/**
 * What engines add to the command line: options of `init` and `find` and switches of `restore`,
 * each with the engines that know it.
 */
import { type Command, Option } from "commander";
import type { EnginePolicies, EnginePolicy, InitialOption } from "../policy/engine-policy.ts";

/**
 * The options of `holdfast init` that say what the first source is. An option that several engines
 * know is one.
 */
export function addInitialOptions(command: Command, engines: EnginePolicies): void {
  const names = engines.map(({ name }) => name);
  command.addOption(new Option("--engine <engine>", "what the first source is").choices(names).default(engines[0].name));
  const offered = engines.flatMap((engine) => engine.initial.options.map((option) => ({ engine: engine.name, ...option })));
  for (const [name, [first, ...others]] of groupByName(offered)) {
    const known = [first, ...others].map(({ engine }) => engine).join(", ");
    const otherwise = first.default === undefined ? "" : ` (default: "${first.default}")`;
    command.option(`--${name} <${first.value}>`, `${known}: ${first.description}${otherwise}`);
  }
}

/** The values that were given of the engines' own options. */
export function initialValuesIn(
  given: Readonly<Record<string, unknown>>,
  engines: EnginePolicies,
): Readonly<Record<string, string | undefined>> {
  const options: readonly InitialOption[] = engines.flatMap(({ initial }) => initial.options);
  return Object.fromEntries(options.map(({ name }) => [name, given[camelCase(name)] as string | undefined]));
}

/** The target's forms after --to, for each engine. */
export function describeTargets(engines: EnginePolicies): string {
  return engines.map(({ name, restore }) => `${name}: ${restore.targets}`).join("; ");
}

/** What may stand after --only, for each engine that restores parts. */
export function describeOnly(engines: EnginePolicies): string {
  const forms = engines.flatMap(({ name, restore: { only } }) => (only === undefined ? [] : [`${name}: ${only}`]));
  return `only this object, with all that is part of it; may be given again (${forms.join("; ")})`;
}

/** The engines' own switches of `holdfast restore`. */
export function addRestoreFlags(command: Command, engines: EnginePolicies): void {
  for (const [name, [first, ...others]] of groupByName(flagsOf(engines))) {
    const known = [first, ...others].map(({ engine }) => engine).join(", ");
    const value = first.value === undefined ? "" : ` <${first.value}>`;
    command.option(`--${name}${value}`, `${known}: ${first.description}`);
  }
}

/** The names of the engines' own switches that were given. */
export function engineFlagsIn(given: Readonly<Record<string, unknown>>, engines: EnginePolicies): ReadonlySet<string> {
  const isGiven = (name: string): boolean =>
    name.startsWith("no-") ? given[camelCase(name.slice(3))] === false : given[camelCase(name)] === true;
  return new Set(flagsOf(engines).flatMap(({ name, value }) => (value === undefined && isGiven(name) ? [name] : [])));
}

/** What was given for the engines' own options that take a value. */
export function engineValuesIn(given: Readonly<Record<string, unknown>>, engines: EnginePolicies): ReadonlyMap<string, string> {
  return new Map(
    flagsOf(engines).flatMap(({ name, value }) => {
      const text = given[camelCase(name)];
      return value !== undefined && typeof text === "string" ? [[name, text] as const] : [];
    }),
  );
}

/** The options of `holdfast find` that name an object, by the engines that know them. */
export function addFindOptions(command: Command, engines: EnginePolicies): void {
  const offered = engines.flatMap(({ name: engine, find }) => (find === undefined ? [] : [{ engine, ...find }]));
  for (const [name, [first, ...others]] of groupByName(offered)) {
    const known = [first, ...others].map(({ engine }) => engine).join(", ");
    command.option(`--${name} <${first.value}>`, `${known}: ${first.description}`);
  }
}

function flagsOf(engines: EnginePolicies) {
  return engines.flatMap(({ name: engine, restore }: EnginePolicy) => restore.flags.map((flag) => ({ engine, ...flag })));
}

function groupByName<T extends { readonly name: string }>(items: readonly T[]): Map<string, [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(item.name);
    if (group === undefined) groups.set(item.name, [item]);
    else group.push(item);
  }
  return groups;
}

/** As commander calls the value of `--a-name`. */
function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
