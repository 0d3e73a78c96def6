// A central system of npm's ocpp-ts, which knows nothing of the security whitepaper: what it does not know it refuses.
import { createServer } from "node:net";
import { answer, ask, installed, say } from "./central.mjs";

const ocpp = installed("ocpp-ts");
const KNOWN = [
  "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
  "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction",
];
console.error = (text) => say({ wrong: String(text) });
const server = new ocpp.OcppServer();
let point;
server.on("authorization", (identity, request, accept) => accept());
server.on("connection", (client) => {
  point = client;
  for (const action of KNOWN)
    client.on(action, (payload, reply) => {
      say({ heard: action, payload });
      reply(answer(action));
    });
  say({ connected: client.getCpId() });
});
// It does not tell which port it has got: one that was free a moment ago.
const free = createServer().listen(0, "127.0.0.1", () => {
  const { port } = free.address();
  free.close(() => {
    server.listen(port);
    ask((action, payload) => point.callRequest(action, payload));
    say({ port });
  });
});
