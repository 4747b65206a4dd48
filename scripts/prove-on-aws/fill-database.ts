/**
 * `node fill-database.ts DATABASE CONNECTION HOST`: fills the database with a few tables, and
 * writes the secret that Holdfast connects with.
 */
import { readFileSync, writeFileSync } from "node:fs";
import pg from "pg";

const [file = "", connectionFile = "", host = ""] = process.argv.slice(2);
const { DBName: dbname, MasterUsername: username, MasterUserPassword: password } = JSON.parse(readFileSync(file, "utf8"));
// RDS's authority is Amazon's own, which Node does not know: what is sent is made up.
const client = new pg.Client({ host, database: dbname, user: username, password, ssl: { rejectUnauthorized: false } });
await client.connect();
await client.query(`
  create table customers (id int primary key, name text not null unique);
  create table orders (id int primary key, customer int not null references customers, cents bigint not null, at timestamptz not null);
  insert into customers select i, 'customer ' || i from generate_series(1, 1000) i;
  insert into orders select i, 1 + i % 1000, i * 37, now() from generate_series(1, 50000) i;
`);
await client.end();
writeFileSync(connectionFile, JSON.stringify({ host, port: 5432, username, password, dbname, sslmode: "require" }), {
  mode: 0o600,
});
console.log("filled: 1,000 customers, 50,000 orders");
