// Layout requests as JSON lines on standard input, one answer per line on standard output.
// Request: {"attempts": [graph, graph, …]}: the first graph that can be laid out is the answer.
// Answer: {"graph"} or {"error"}. The first argument is the path of elk.bundled.js.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { default: ELK } = await import(pathToFileURL(process.argv[2]).href);
const elk = new ELK();

for await (const line of createInterface({ input: process.stdin })) {
  const { attempts } = JSON.parse(line);
  const errors = [];
  let graph = null;
  for (const attempt of attempts) {
    try {
      graph = await elk.layout(attempt);
      break;
    } catch (error) {
      errors.push(String(error.message ?? error).split("\n")[0]);
    }
  }
  process.stdout.write(JSON.stringify(graph ? { graph } : { error: errors.join("; ") }) + "\n");
}
