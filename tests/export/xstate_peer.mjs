// Runs exported machines: one request {config, events, parameters, readings} per line, one answer per line.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const xstate = await import(pathToFileURL(process.argv[2]).href);
const { machine } = await import(pathToFileURL(process.argv[3]).href);

class Clock {
  constructor() { this.now = 0; this.list = []; this.count = 0; }
  setTimeout(fn, ms) { this.list.push({ id: ++this.count, at: this.now + ms, fn }); return this.count; }
  clearTimeout(id) { this.list = this.list.filter((t) => t.id !== id); }
  advance(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = this.list.filter((t) => t.at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!due) break;
      this.clearTimeout(due.id);
      this.now = due.at;
      due.fn();
    }
    this.now = end;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { config, events, parameters = {}, readings = [] } = JSON.parse(line);
    const shown = new Map();
    const show = (number) => (readings[number] ?? []).forEach(([role, name, v]) => shown.set(`${role}.${name}`, v));
    show(0);
    const orders = [];
    const host = { order: (role, action, args) => orders.push([role, action, args]), read: (role, name) => shown.get(`${role}.${name}`) ?? 0 };
    const clock = new Clock();
    const actor = xstate.createActor(machine(config, xstate, host), { clock, input: parameters });
    let failure = null;
    actor.subscribe({ error: (error) => { failure = String(error); } });
    const seen = [];
    const look = () => {
      clock.advance(0); // what the machine has sent to itself at once is due now
      const snapshot = actor.getSnapshot();
      const prefix = config.id + ".";
      const nodes = snapshot.status === "active" ? snapshot._nodes : [];
      seen.push({
        states: nodes.map((n) => n.id).filter((id) => id !== config.id).map((id) => id.slice(prefix.length)).sort(),
        data: snapshot.context,
        status: snapshot.status,
      });
    };
    actor.start();
    look();
    for (const [number, [type, data]] of events.entries()) {
      show(number + 1);
      if (actor.getSnapshot().status !== "active") break;
      if (type === "(advance)") clock.advance(data);
      else if (type === "(timer)") actor.send({ type: `xstate.after.${data[1]}.${config.id}.${data[0]}` });
      else actor.send({ type, data: data ?? {} });
      look();
    }
    answer = { seen, orders, failure };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
