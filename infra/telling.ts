/** What a function needs that tells people: the topics, and what an alert is made with. */
import type { Deployment } from "./deployment.ts";
import * as rights from "./rights.ts";
import { ref, type Statement } from "./template.ts";

export const topicEnvironment = {
  HOLDFAST_TOPIC_CRITICAL: ref("CriticalTopic"),
  HOLDFAST_TOPIC_WARNING: ref("WarningTopic"),
  HOLDFAST_TOPIC_INFO: ref("InfoTopic"),
};

export function tellingRights(deployment: Deployment): Statement[] {
  return [...rights.readCatalogue(deployment), ...rights.readManifestSeals(deployment), ...rights.publishAlerts()];
}
