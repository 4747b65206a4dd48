/**
 * Answers for a container that stopped without answering by itself: one that never started (no
 * image, no network, no capacity) or was killed. EventBridge calls it with the task's last status;
 * the state machine then hears the reason at once, instead of silence until its heartbeat is over.
 */
import * as z from "zod";
import { readStoppedTask } from "../src/alerts/read-stopped-task.ts";
import { defineStep, nameError, serve } from "./commons/step.ts";
import { answerOnce } from "./commons/task-token.ts";

export const step = defineStep({
  name: "on-task",
  // Amazon ECS's own form, which grows.
  input: z.looseObject({}),
  async run(_context, event) {
    const stopped = readStoppedTask(event);
    // Not a container of a state machine.
    if (stopped.taskToken === undefined) return { answered: false };
    return { answered: await answerOnce(stopped.taskToken, nameError(stopped.error)) };
  },
});

export const handler = serve(step);
