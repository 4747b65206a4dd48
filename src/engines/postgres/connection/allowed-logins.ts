/**
 * libpq's require_auth for the driver: which ways of logging in the connection allows the server to
 * ask for.
 */
import type { EventEmitter } from "node:events";
import type { Client } from "pg";
import type { ConnectionSettings } from "./connection.ts";

/** The driver's events and libpq's names of what the server asks for. */
const methods = {
  authenticationCleartextPassword: "password",
  authenticationMD5Password: "md5",
  authenticationSASL: "scram-sha-256",
} as const;

/** Whether `require_auth` (`scram-sha-256,md5`, or `!password,!md5`) allows the method. */
export function allowsLogin(requireAuth: string | undefined, method: string): boolean {
  const listed = (requireAuth ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (listed.length === 0) return true;
  const negative = listed.every((entry) => entry.startsWith("!"));
  return negative ? !listed.includes(`!${method}`) : listed.includes(method);
}

/** Ends a login before a password is sent in a way that the connection does not allow. */
export function restrictLogin(client: Client, { variables }: ConnectionSettings): void {
  const { connection } = client as unknown as { connection: EventEmitter };
  const required = variables["PGREQUIREAUTH"];
  if (required === undefined) return;
  let asked = false;
  for (const [event, method] of Object.entries(methods)) {
    connection.on(event, () => {
      asked = true;
      if (!allowsLogin(required, method)) throw new Error(`the server asks for ${method}, which require_auth=${required} forbids`);
    });
  }
  connection.on("authenticationOk", () => {
    if (!asked && !allowsLogin(required, "none"))
      throw new Error(`the server asks for no login, which require_auth=${required} forbids`);
  });
}
