/**
 * The parts that inputs are made of. Names of sources and backups are checked by the step that
 * looks them up.
 */
import * as z from "zod";
import { backupKinds } from "../../src/policy/policy.ts";

export const source = z.string().min(1).max(100);
export const kind = z.enum(backupKinds);
export const backupId = z.string().min(1).max(100);
/** An execution's ARN (Step Functions' limit of it). */
export const execution = z.string().min(1).max(2_048);
