/** The command line with the toy engine among its engines: `node holdfast.ts <args>`. */
import { main } from "../../src/cli/main.ts";
import { toyEngines } from "./toy-engine.ts";

process.exitCode = await main(process.argv.slice(2), toyEngines);
