/**
 * Random databases as pg_dump would write them: the entries, and for each what a server would need
 * to make it, which is known here from the database and not from the entries.
 */
import fc from "fast-check";
import type { ArchiveEntry } from "../../../../src/engines/postgres/selection/archive-entry.ts";

export interface RandomArchive {
  readonly entries: readonly ArchiveEntry[];
  /** What the server would refuse the entry without; rows of a table are its TABLE DATA. */
  readonly serverNeeds: ReadonlyMap<number, readonly number[]>;
  /** The names of tables, in the order of the archive. */
  readonly tables: readonly string[];
}

interface Plan {
  readonly schemas: number;
  readonly types: number;
  readonly functions: readonly { readonly readsTable: number | undefined }[];
  readonly tables: readonly {
    readonly schema: number;
    readonly type: number | undefined;
    readonly check: number | undefined;
    readonly standaloneSequence: boolean;
    readonly serial: boolean;
    readonly identity: boolean;
    readonly inherits: number | undefined;
    readonly partitionOf: number | undefined;
    readonly refersTo: number | undefined;
    readonly trigger: number | undefined;
    readonly policyReads: number | undefined;
    readonly view: boolean;
    readonly published: boolean;
  }[];
}

const upTo = (max: number) => fc.option(fc.nat({ max }), { nil: undefined, freq: 2 });

export const archivePlans: fc.Arbitrary<Plan> = fc.record({
  schemas: fc.integer({ min: 1, max: 3 }),
  types: fc.integer({ min: 1, max: 3 }),
  functions: fc.array(fc.record({ readsTable: upTo(7) }), { minLength: 1, maxLength: 3 }),
  tables: fc.array(
    fc.record({
      schema: fc.nat({ max: 2 }),
      type: upTo(2),
      check: upTo(2),
      standaloneSequence: fc.boolean(),
      serial: fc.boolean(),
      identity: fc.boolean(),
      inherits: upTo(7),
      partitionOf: upTo(7),
      refersTo: upTo(7),
      trigger: upTo(2),
      policyReads: upTo(7),
      view: fc.boolean(),
      published: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

/** Writes the archive; `names` are those of the tables. */
export function writeArchive(plan: Plan, names: readonly string[]): RandomArchive {
  const entries: ArchiveEntry[] = [];
  const serverNeeds = new Map<number, readonly number[]>();
  let next = 1;
  const add = (
    type: string,
    schema: string,
    name: string,
    dependencies: readonly number[] = [],
    needs: readonly number[] = dependencies,
  ): number => {
    const dumpId = next++;
    entries.push({ dumpId, type, schema, name, dependencies });
    serverNeeds.set(dumpId, needs);
    return dumpId;
  };
  const printed = (name: string): string => name.replaceAll(/[\r\n]/g, " ");

  add("ENCODING", "-", "ENCODING");
  add("DATABASE", "-", "shop");
  // The first schema is public, which archives do not have.
  const schemas = Array.from({ length: plan.schemas }, (_, index) =>
    index === 0 ? { name: "public", id: undefined } : { name: `s${index}`, id: add("SCHEMA", "-", `s${index}`) },
  );
  const types = Array.from({ length: plan.types }, (_, index) => add("TYPE", "public", `t${index}`));
  const publication = add("PUBLICATION", "-", "pub");
  const plain = plan.functions.flatMap(({ readsTable }, index) =>
    readsTable === undefined ? [[index, add("FUNCTION", "public", `f${index}()`)] as const] : [],
  );
  const functions = new Map<number, number>(plain);

  const made: { id: number; schema: string; name: string; key: number; partitionOf: number | undefined }[] = [];
  const late: (() => void)[] = [];
  for (const [index, table] of plan.tables.entries()) {
    const { name: schema, id: schemaId } = schemas[table.schema % schemas.length] as (typeof schemas)[number];
    const name = names[index] ?? `table${index}`;
    const earlier = (other: number | undefined) => (other === undefined || index === 0 ? undefined : made[other % index]);
    const type = table.type === undefined ? [] : [types[table.type % types.length] as number];
    const check = table.check === undefined ? [] : [functions.get(table.check % plan.functions.length) ?? []].flat();
    const sequence = table.standaloneSequence ? [add("SEQUENCE", "public", `seq${index}`)] : [];
    const partitionOf = earlier(table.partitionOf);
    const inherits = partitionOf === undefined ? earlier(table.inherits) : undefined;
    const own = [...(schemaId === undefined ? [] : [schemaId]), ...type, ...check, ...sequence];
    const parents = inherits === undefined ? [] : [inherits.id];
    const id = add(
      "TABLE",
      schema,
      name,
      [...own, ...parents, ...(partitionOf === undefined ? [] : [partitionOf.id])],
      [...own, ...parents],
    );
    for (const set of sequence) late.push(() => add("SEQUENCE SET", "public", `seq${index}`, [set]));
    add("COMMENT", schema, `TABLE ${printed(name)}`, [id]);
    add("ACL", schema, `TABLE ${printed(name)}`, [id]);
    if (table.serial) {
      const inSchema = schemaId === undefined ? [] : [schemaId];
      const serial = add("SEQUENCE", schema, `${name}_id_seq`, [id, ...inSchema], inSchema);
      add("SEQUENCE OWNED BY", schema, `${printed(name)}_id_seq`, [serial], [serial, id]);
      add("DEFAULT", schema, `${printed(name)} id`, [serial, id]);
      late.push(() => add("SEQUENCE SET", schema, `${printed(name)}_id_seq`, [serial]));
    }
    if (table.identity) {
      const identity = add("SEQUENCE", schema, `${name}_no_seq`, [id]);
      late.push(() => add("SEQUENCE SET", schema, `${printed(name)}_no_seq`, [identity]));
    }
    if (partitionOf !== undefined) add("TABLE ATTACH", schema, printed(name), [id, partitionOf.id]);
    late.push(() => add("TABLE DATA", schema, printed(name), [id]));
    made.push({ id, schema, name, key: 0, partitionOf: partitionOf?.id });
  }
  for (const [index, { readsTable }] of plan.functions.entries()) {
    if (readsTable === undefined) continue;
    const table = made[readsTable % made.length] as (typeof made)[number];
    functions.set(index, add("FUNCTION", "public", `f${index}()`, [table.id]));
  }
  for (const write of late) write();
  for (const table of made) {
    const parent = made.find(({ id }) => id === table.partitionOf);
    const dependencies = [table.id, ...(parent === undefined ? [] : [parent.key])];
    table.key = add("CONSTRAINT", table.schema, `${printed(table.name)} key of ${table.id}`, dependencies, [table.id]);
    if (parent !== undefined) add("INDEX ATTACH", table.schema, `key of ${table.id}`, [table.key, parent.key, table.id, parent.id]);
  }
  for (const [index, table] of plan.tables.entries()) {
    const { id, schema, name } = made[index] as (typeof made)[number];
    const other = (number: number | undefined) => (number === undefined ? undefined : made[number % made.length]);
    if (table.trigger !== undefined) {
      const called = functions.get(table.trigger % plan.functions.length);
      if (called !== undefined) add("TRIGGER", schema, `${printed(name)} fires`, [called, id]);
    }
    const referred = other(table.refersTo);
    if (referred !== undefined) {
      const rows = entries.filter(({ type, dependencies }) => type === "TABLE DATA" && dependencies[0] === referred.id);
      const dependencies = [referred.key, referred.id, id];
      const needs = [...dependencies, ...rows.map(({ dumpId }) => dumpId)];
      const key = add("FK CONSTRAINT", schema, `${printed(name)} refers`, dependencies, needs);
      const entry = entries.at(-1) as ArchiveEntry;
      entries[entries.length - 1] = { ...entry, table: { schema, name } };
      add("COMMENT", schema, `CONSTRAINT refers ON ${printed(name)}`, [key]);
    }
    const read = other(table.policyReads);
    if (read !== undefined) add("POLICY", schema, `${printed(name)} some`, [id, read.id]);
    add("ROW SECURITY", schema, printed(name), [id]);
    if (table.view) add("VIEW", "public", `view${index}`, [id]);
    if (table.published) add("PUBLICATION TABLE", schema, `pub ${printed(name)}`, [publication, id]);
  }
  return { entries, serverNeeds, tables: made.map(({ schema, name }) => `${schema}.${name}`) };
}
