/**
 * A process of its own that swaps two databases, for a test that kills it. Arguments: server's URL.
 */
import type { ConnectionSettings } from "../../../src/engines/postgres/connection/connection.ts";
import { swapDatabases } from "../../../src/engines/postgres/place/restore-swap.ts";
import { Secret } from "../../../src/runtime/secret.ts";
import { makeContext } from "./dump-context.ts";

const url = new URL(process.argv[2] ?? "");
const maintenance: ConnectionSettings = {
  host: url.hostname,
  port: Number(url.port),
  user: url.username,
  database: "postgres",
  password: new Secret(decodeURIComponent(url.password)),
  sslmode: "disable",
  connectTimeoutSeconds: 30,
  variables: {},
};
const names = { target: "shop", restored: "shop_holdfast_a1b2c3", setAside: "shop_before_20261120t020000z" };
const outcome = await swapDatabases(names, { maintenance, endConnections: process.argv[3] === "end" }, makeContext([])).then(
  () => "swapped",
  (error: Error & { details?: readonly string[] }) => `${error.name}: ${error.message}`,
);
process.stdout.write(`${outcome}\n`);
