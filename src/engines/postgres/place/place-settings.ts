/** Connections to a place's databases. */
import type { ConnectionSettings } from "../connection/connection.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

/**
 * A conninfo string in the place of a database's name, in which an equals sign would be taken for
 * one.
 */
export function conninfo(database: string): string {
  return `dbname='${database.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** The same place, another database. */
export function inDatabase(settings: ConnectionSettings, database: string): ConnectionSettings {
  return { ...settings, database };
}

/**
 * Settings of the restored database or of the loading role that would break its own load or dump.
 * Given at connection they have precedence over ALTER DATABASE and ALTER ROLE.
 */
export function withNeutralSettings(settings: ConnectionSettings, serverMajor: number, superuser: boolean): ConnectionSettings {
  const neutral = [
    "default_transaction_read_only=off",
    "default_transaction_isolation=read\\ committed",
    "default_transaction_deferrable=off",
    "statement_timeout=0",
    "lock_timeout=0",
    "idle_in_transaction_session_timeout=0",
    "idle_session_timeout=0",
    ...(serverMajor >= 17 ? ["transaction_timeout=0"] : []),
    // ALTER DATABASE … SET role would make every session another role, which may not read all that
    // it holds.
    "role=none",
    // An error that is expected must not end the session, and a NULL in an array must stay one.
    "exit_on_error=off",
    "array_nulls=on",
    "transform_null_equals=off",
    // A library that is not installed here would refuse every connection; triggers must not be told
    // to keep still.
    ...(superuser ? ["session_preload_libraries=", "session_replication_role=origin", "lc_messages=C"] : []),
    // Event triggers are content; in these sessions none fires, at login neither.
    ...(superuser && serverMajor >= 17 ? ["event_triggers=off"] : []),
    "local_preload_libraries=",
  ];
  const own = settings.variables["PGOPTIONS"];
  const options = [...(own === undefined ? [] : [own]), ...neutral.map((setting) => `-c ${setting}`)].join(" ");
  return { ...settings, variables: { ...settings.variables, PGOPTIONS: options } };
}

/** The throwaway server as its superuser: by its private socket, without TLS or password. */
export function throwawaySettings(server: ThrowawayServer, serverMajor: number, database: string): ConnectionSettings {
  const settings: ConnectionSettings = {
    host: server.socketDirectory,
    port: server.port,
    user: server.superuser,
    database,
    sslmode: "disable",
    connectTimeoutSeconds: 30,
    variables: {},
  };
  return withNeutralSettings(settings, serverMajor, true);
}
