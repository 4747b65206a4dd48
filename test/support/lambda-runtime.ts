/**
 * What Lambda's runtime is to a handler: a process that loads the module once and calls its handler
 * event by event. Argument: the module. In: a line of JSON for each event. Out, on file descriptor
 * 3: a line for the load, then one for each event.
 */
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const answers = 3;
const tell = (answer: object): void => void writeSync(answers, `${JSON.stringify(answer)}\n`);
/** The most memory that this process ever had resident. */
const peakBytes = (): number => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

const [module = ""] = process.argv.slice(2);
const started = performance.now();
const { handler } = (await import(pathToFileURL(module).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
tell({ loadMs: performance.now() - started, uid: process.getuid?.() });

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { event, timeoutMs } = JSON.parse(line) as { event: unknown; timeoutMs: number };
  count += 1;
  const begun = performance.now();
  const context = {
    functionName: process.env["AWS_LAMBDA_FUNCTION_NAME"],
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:${process.env["AWS_REGION"]}:000000000000:function:${process.env["AWS_LAMBDA_FUNCTION_NAME"]}`,
    memoryLimitInMB: process.env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
    awsRequestId: `request-${count}`,
    logGroupName: "",
    logStreamName: "",
    getRemainingTimeInMillis: () => timeoutMs - (performance.now() - begun),
  };
  const answer = await handler(event, context).then(
    (result) => ({ result }),
    (error: Error) => ({ errorType: error.name, errorMessage: error.message }),
  );
  tell({ ...answer, ms: performance.now() - begun, peakBytes: peakBytes() });
}
