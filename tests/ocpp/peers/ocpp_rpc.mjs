// A central system of npm's ocpp-rpc with strict validation: whatever does not fit a schema, either way, is told.
import { answer, ask, installed, say } from "./central.mjs";

const { RPCServer } = installed("ocpp-rpc");
const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
let point;
server.auth((accept) => accept());
server.on("client", (client) => {
  point = client;
  client.on("strictValidationFailure", ({ method, isCall, error, outbound }) =>
    say({ wrong: `${method} ${isCall ? "req" : "conf"} ${outbound ? "of the peer" : ""}: ${error.message}`, details: error.details }));
  client.on("badMessage", ({ error }) => say({ wrong: `no message: ${error.message}` }));
  client.handle(({ method, params }) => {
    say({ heard: method, payload: params });
    return answer(method);
  });
  say({ connected: client.identity });
});
const http = await server.listen(0, "127.0.0.1");
ask((action, payload) => point.call(action, payload));
say({ port: http.address().port });
