// The machines of bench_work.py in XState 5: node xstate_work.mjs XSTATE_MODULE SECONDS
// Prints JSON: case → events per CPU second of the process, its other threads included; "timer_bytes": heap per machine.
import { pathToFileURL } from "node:url";

const { assign, createActor, setup, SimulatedClock } = await import(pathToFileURL(process.argv[2]).href);
const seconds = Number(process.argv[3]);
const MACHINES = 10_000;

const spent = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };

function rate(send) {
  for (let i = 0; i < 20_000; i++) send();
  let count = 1000, took = 0;
  const span = () => {
    const start = spent();
    for (let i = 0; i < count; i++) send();
    return spent() - start;
  };
  while ((took = span()) < seconds / 4) count *= 2;
  let best = count / took;
  for (let i = 0; i < 5; i++) best = Math.max(best, count / span());
  return best;
}

const work = setup({
  guards: { fits: ({ context, event }) => event.value < context.most },
  actions: { add: assign({ total: ({ context, event }) => context.total + event.value }) },
}).createMachine({
  context: { total: 0, most: 1000 },
  initial: "a",
  states: {
    a: { on: { measured: { guard: "fits", target: "b", actions: "add" } } },
    b: { on: { measured: { guard: "fits", target: "a", actions: "add" } } },
  },
});

const timed = setup({}).createMachine({
  initial: "waiting",
  states: {
    waiting: { on: { again: { target: "waiting", reenter: true } }, after: { 1000: "late" } },
    late: {},
  },
});

function started(machine) {
  return createActor(machine, { clock: new SimulatedClock() }).start();
}

const one = started(work), event = { type: "measured", value: 1 };
one.send(event);
if (one.getSnapshot().value !== "b" || one.getSnapshot().context.total !== 1) throw new Error("payload");
const late = createActor(timed, { clock: new SimulatedClock() }).start();
late.send({ type: "again" });
late.clock.increment(1000);
if (late.getSnapshot().value !== "late") throw new Error("timer");

const found = {};
const sender = started(work);
found.payload = rate(() => sender.send({ type: "measured", value: 1 }));
const waiting = started(timed);
found.timer = rate(() => waiting.send({ type: "again" }));

const kept = [];
kept.push(started(timed));
gc();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < MACHINES; i++) kept.push(started(timed));
gc();
found.timer_bytes = (process.memoryUsage().heapUsed - before) / MACHINES;
if (kept[MACHINES].getSnapshot().value !== "waiting") throw new Error("kept");
console.log(JSON.stringify(found));
