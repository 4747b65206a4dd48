/**
 * Prints what the check finds of the restore tests of a source (its URL, the directory of
 * PostgreSQL's programs), as whoever runs it.
 */
import { checkPostgres } from "../../../src/engines/postgres/check.ts";
import { makeContext, makeSource } from "./dump-context.ts";

const [url = "", programs = ""] = process.argv.slice(2);
const findings = await checkPostgres(makeSource(), makeContext([programs], { SHOP_DB: url, PATH: "" }));
process.stdout.write(JSON.stringify(findings.filter(({ subject }) => subject === "restore test")));
