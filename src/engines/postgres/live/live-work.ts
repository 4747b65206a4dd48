/** What the ways into a live database share. */
import type { Readable } from "node:stream";
import type { ClientTools } from "../tools.ts";
import type { LiveDatabase } from "./live-database.ts";
import type { LiveRequest } from "./live-request.ts";
import type { Staging } from "./staging.ts";

export interface LiveWork {
  readonly wanted: LiveRequest;
  readonly live: LiveDatabase;
  readonly staging: Staging;
  readonly tools: ClientTools;
  /** The script of all definitions of the backup. */
  openDefinitions(): Promise<Readable>;
}

export interface ChosenRows {
  readonly inBackup: number;
  /** Of them, those that the condition chose. */
  readonly chosen: number;
}
