/**
 * The real stack in a local cloud, deployed once for all: the chain that a schedule starts,
 * failures and their alerts, fleets, restores, rights, and a second deployment onto the vault that
 * the first one left.
 */
import { afterAll, beforeAll } from "vitest";
import { startTestCloud, type TestCloud } from "./cloud.ts";
import { approvalsSuite } from "./suites/approvals.ts";
import { chainSuite } from "./suites/chain.ts";
import { eventsListener, eventsSuite } from "./suites/events.ts";
import { failuresSuite, hangSuite } from "./suites/failures.ts";
import { fleetSuite } from "./suites/fleet.ts";
import { pruneSuite } from "./suites/prune.ts";
import { redeploySuite } from "./suites/redeploy.ts";
import { restoreSuite } from "./suites/restore.ts";
import { rightsSuite } from "./suites/rights.ts";
import { samplesSuite } from "./suites/samples.ts";

let cloud: TestCloud | undefined;

beforeAll(async () => {
  cloud = await startTestCloud();
});

afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]();
});

function theCloud(): TestCloud {
  if (cloud === undefined) throw new Error("the cloud is not there");
  return cloud;
}

eventsListener(theCloud);
// In this order: the failures use the minutes until the schedule fires.
failuresSuite(theCloud);
chainSuite(theCloud);
hangSuite(theCloud);
samplesSuite(theCloud);
fleetSuite(theCloud);
restoreSuite(theCloud);
approvalsSuite(theCloud);
pruneSuite(theCloud);
eventsSuite(theCloud);
rightsSuite(theCloud);
redeploySuite(theCloud);
