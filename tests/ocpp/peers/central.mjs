// What the central systems on Node share: their answers, and the line to the test (a JSON value on each line).
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const ACCEPTED = { status: "Accepted" };
let transactions = 0;

export function answer(action) {
  const currentTime = new Date().toISOString();
  switch (action) {
    case "BootNotification": return { status: "Accepted", currentTime, interval: 300 };
    case "Heartbeat": return { currentTime };
    case "Authorize": return { idTagInfo: ACCEPTED };
    case "StartTransaction": return { idTagInfo: ACCEPTED, transactionId: ++transactions };
    case "DataTransfer": case "SignCertificate": return ACCEPTED;
    default: return {};
  }
}

// A package of the folder that the test names.
export function installed(name) {
  return createRequire(`${process.argv[2]}/`)(name);
}

export function say(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

// `call`: sends a CALL of {ask, action, payload} and gives its answer.
export function ask(call) {
  const lines = createInterface({ input: process.stdin });
  lines.on("close", () => process.exit(0));
  lines.on("line", async (line) => {
    const { ask, action, payload } = JSON.parse(line);
    try {
      say({ answer: ask, payload: await call(action, payload) });
    } catch (error) {
      say({ answer: ask, error: error.rpcErrorCode ?? error.code ?? error.name, text: String(error.message) });
    }
  });
}
