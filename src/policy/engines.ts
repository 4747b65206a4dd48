/**
 * The one list of engines. An engine's own folders are engines/<name> here and src/engines/<name>;
 * nothing else names it.
 */
import type { EnginePolicies } from "./engine-policy.ts";
import { filesPolicy } from "./engines/files/policy.ts";
import { postgresPolicy } from "./engines/postgres/policy.ts";

export const enginePolicies: EnginePolicies = [postgresPolicy, filesPolicy];
