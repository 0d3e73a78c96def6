"use strict";
// How everything stands at one moment, made of the records of a trace (docs/trace.md), and the way through time.

const MARK = 250; // records between two copies of everything
const MOST = 24000; // records kept by this page
const STEP_NS = 200e6; // between two points of a curve
const POINTS = 1500; // of a curve; where there are more every second one goes

class Machine {
  constructor(path) {
    this.path = path;
    this.chart = ""; this.key = ""; this.state = "running";
    this.roles = {}; this.units = {}; this.lanes = {}; this.local = []; this.persons = []; this.titles = {};
    this.parameters = {}; this.configuration = []; this.data = {}; this.timers = {}; this.readings = {};
    this.said = {}; // the last message of each role
    this.last = null; // the last record
    this.recent = []; // the innermost states that were entered last
  }
  copy() {
    const one = Object.assign(new Machine(this.path), this);
    one.data = { ...this.data }; one.timers = { ...this.timers }; one.readings = { ...this.readings };
    one.said = { ...this.said };
    return one;
  }
  begins(told) {
    this.chart = told.chart; this.key = (told.text_hash || "").slice(0, 16);
    for (const name of ["roles", "units", "lanes", "local", "persons", "titles", "parameters"])
      if (told[name]) this[name] = told[name];
  }
  isActive(state) { return this.configuration.includes(state); }
  /** Where it is: what was entered last, else all that is active. */
  get place() {
    const recent = this.recent.filter((state) => this.isActive(state));
    return recent.length ? recent : this.leaves;
  }
  get leaves() {
    return this.configuration.filter((one) => one && !this.configuration.some((other) => other.startsWith(one + ".")));
  }
}

class World {
  constructor() { this.machines = new Map(); this.time = 0; this.sample = {}; this.rows = null; this.reached = -1; this.began = -1; }

  static of(base) {
    const world = new World();
    for (const [path, told] of Object.entries(base)) {
      const one = new Machine(path);
      one.begins(told);
      one.configuration = told.configuration; one.data = { ...told.data }; one.state = told.state;
      for (const [id, due] of Object.entries(told.timers || {})) one.timers[id] = { due };
      if (told.state === "running" || !path.includes("/")) world.machines.set(path, one);
    }
    return world;
  }

  copy() {
    const world = new World();
    world.time = this.time; world.sample = this.sample; world.rows = this.rows; world.reached = this.reached; world.began = this.began;
    for (const [path, one] of this.machines) world.machines.set(path, one.copy());
    return world;
  }

  apply(record) {
    if (record.time_ns !== undefined) this.time = record.time_ns;
    if (record.display) this.sample = record.display;
    if (record.rows) this.rows = record.rows;
    if (!("cause" in record)) return;
    let one = this.machines.get(record.machine);
    if (record.cause === "start" || !one) {
      one = new Machine(record.machine);
      one.begins(record);
      this.machines.set(record.machine, one);
    }
    one.last = record;
    one.configuration = record.configuration;
    const entered = (record.entered || []).filter((state) => one.isActive(state));
    if (entered.length) one.recent = entered.filter((state) => !entered.some((other) => other.startsWith(state + ".")));
    if (record.data) Object.assign(one.data, record.data);
    if (record.readings)
      for (const [name, value] of Object.entries(record.readings)) one.readings[name] = { value, at: record.time_ns };
    if (record.timer) delete one.timers[record.timer];
    if (record.event) {
      const [role, ...rest] = record.event.name.split(".");
      if (role in one.roles && rest.length) one.said[role] = rest.join(".");
    }
    for (const effect of record.effects || []) {
      if (effect.do === "start_timer") one.timers[effect.id] = { due: record.time_ns + effect.delay_ns, delay: effect.delay_ns };
      else if (effect.do === "cancel_timer") delete one.timers[effect.id];
      else if (effect.do === "call" && !record.event) one.said[effect.role] = effect.action;
      else if (effect.do === "done") one.state = "done";
    }
    if (record.cause === "stop") one.state = "stopped";
    if (one.state !== "running") {
      one.timers = {};
      if (record.machine.includes("/")) this.machines.delete(record.machine);
    }
  }

  child(path, name) {
    return this.machines.get(`${path}/${name}`)
      || [...this.machines.values()].find((one) => one.path.startsWith(`${path}/${name}[`) && !one.path.slice(path.length + 1).includes("/"));
  }
}

/** What a headline shows: as it was looked at last, else what the machines know of it. */
function headline(world, charts, label, written) {
  if (!(label in world.sample)) return lookUp(world, charts, written);
  const machine = world.machines.get(written.split(".")[0]), rest = written.slice(written.indexOf(".") + 1);
  return { value: world.sample[label], unit: unitOf(world, charts, machine, rest) };
}
function unitOf(world, charts, machine, rest) {
  const chart = charts[machine?.key];
  const found = chart?.data?.[rest] ?? chart?.values?.[rest];
  if (found || !machine) return found?.unit || "";
  const [head, ...more] = rest.split("."), child = more.length ? world.child(machine.path, head) : null;
  return child ? unitOf(world, charts, child, more.join(".")) : "";
}

/** The names of a set-point's curve, and of the curve of a unit's value. */
const meant = (name) => `${name} ⇒`;
const inRow = (row, n, label) => `${row.unit}${n + 1} ${label}`;
/** What a column of units shows for one of them, as text: as it was looked at last, else what the machines know of it. */
function ofUnit(world, charts, row, k, n, label) {
  const seen = world.rows?.[k]?.[n]?.[Object.keys(row.columns).indexOf(label)] ?? "–";
  if (world.rows) return /^[A-Za-z]/.test(seen) ? said(seen) : seen;
  const found = lookUp(world, charts, row.columns[label].replaceAll("{}", n + 1));
  return found ? shownText(found) : "–";
}
function shownText(found) {
  const text = found.text ?? (typeof found.value === "string" ? found.value : null);
  return text === null ? written(found.value, found.unit) : said(text);
}
function numberOf(text) {
  const [, number, kilo] = /^(-?[\d.]+)(?: (k(?=W|VA))?\S+)?$/.exec(text) || [];
  return number === undefined ? undefined : Number(number) * (kilo ? 1000 : 1);
}

/** `{value, unit, text}` of `machine.data`, `machine.role.value`, `machine.child.…`, `machine.state`, `machine.role`. */
function lookUp(world, charts, written) {
  const [root, ...rest] = written.split(".");
  const machine = world.machines.get(root);
  return machine ? lookIn(world, charts, machine, rest.join(".")) : null;
}

/** Whether a state is active: `machine.child.state`. */
function inState(world, written) {
  const parts = written.split(".");
  let machine = world.machines.get(parts.shift());
  for (let child; machine && (child = world.child(machine.path, parts[0])); parts.shift()) machine = child;
  return Boolean(machine) && machine.isActive(parts.join("."));
}

function lookIn(world, charts, machine, rest) {
  const chart = charts[machine.key] || {};
  if (rest in machine.data) {
    const kind = chart.data?.[rest] || {};
    return { value: machine.data[rest], unit: kind.unit || "" };
  }
  if (chart.values && rest in chart.values) {
    const found = reading(world, machine, rest);
    return found === undefined ? null : { value: found, unit: chart.values[rest].unit || "" };
  }
  if (rest in machine.readings) return { value: machine.readings[rest].value, unit: "" };
  const [head, ...more] = rest.split(".");
  if (!more.length) {
    const state = title(chart, machine, head);
    if (state) return { text: state };
    return machine.said[head] ? { text: machine.said[head] } : null;
  }
  const child = world.child(machine.path, head);
  return child ? lookIn(world, charts, child, more.join(".")) : null;
}

/** The last reading of a role's value, by whoever of the machines on the same adapter looked last. */
function reading(world, machine, name) {
  const [role, ...rest] = name.split(".");
  const value = rest.join("."), behind = machine.roles[role];
  let found = machine.readings[name];
  if (behind === undefined) return found?.value;
  const root = machine.path.split("/")[0];
  for (const other of world.machines.values()) {
    if (other === machine || other.path.split("/")[0] !== root) continue;
    for (const [its, is] of Object.entries(other.roles)) {
      const one = is === behind ? other.readings[`${its}.${value}`] : undefined;
      if (one && (!found || one.at > found.at)) found = one;
    }
  }
  return found?.value;
}

/** The title of the innermost active state in `state` that has one. */
function title(chart, machine, state) {
  const inside = machine.configuration.filter((one) => one === state || one.startsWith(state + "."));
  if (!inside.length) return "";
  for (const one of [...inside].sort((a, b) => b.split(".").length - a.split(".").length)) {
    const told = chart.titles?.[one] ?? machine.titles[one];
    if (told && (one !== state || inside.length === 1)) return told;
  }
  return inside[inside.length - 1].split(".").pop();
}

/** Whether a stage's condition holds. */
function holds(world, machine, one) {
  if (!machine) return false;
  if (one.all) return one.all.every((part) => holds(world, machine, part));
  if (one.any) return one.any.some((part) => holds(world, machine, part));
  if (one.not) return !holds(world, machine, one.not);
  if (one.of) return holds(world, world.child(machine.path, one.of), one.holds);
  if (one.in !== undefined) return machine.isActive(one.in);
  return false;
}

/** The number of the last stage that holds now, -1 for none. */
function presentStage(world, charts, main) {
  const machine = world.machines.get(main), stages = charts[machine?.key]?.stages || [];
  for (let n = stages.length - 1; n >= 0; n--) if (holds(world, machine, stages[n].holds)) return n;
  return -1;
}

/** The records, how everything stood at any of them, and the curves. */
class Timeline {
  constructor(first, base, charts, header, main) {
    this.charts = charts; this.display = header.display || {}; this.main = main;
    this.setpoints = Object.fromEntries(Object.entries(header.setpoints || {}).map(([label, one]) => [label, typeof one === "string" ? { of: one } : one])); this.rows = header.rows || [];
    this.begin(first, World.of(base));
  }
  begin(first, world) {
    this.first = first; this.records = []; this.now = world; this.marks = [world.copy()];
    this.series = {}; this.every = STEP_NS; this.due = 0; this.results = [];
    const add = (name, label) => { this.series[name] = []; if (label in this.setpoints) this.series[meant(name)] = []; };
    for (const label of Object.keys(this.display)) add(label, label);
    for (const row of this.rows) for (let n = 0; n < row.count; n++) for (const label of Object.keys(row.columns)) add(inRow(row, n, label), label);
  }
  get next() { return this.first + this.records.length; }
  add(records) {
    for (const record of records) {
      this.step(this.now, record);
      this.records.push(record);
      if (record.result) this.results.push(record);
      if (this.records.length % MARK === 0) this.marks.push(this.now.copy());
      if (record.time_ns >= this.due) this.look(record.time_ns);
    }
    if (this.records.length > MOST) this.trim();
  }
  step(world, record) {
    world.apply(record);
    if (!record.entered?.length) return;
    const present = presentStage(world, this.charts, this.main);
    if (present >= 0) world.reached = present;
    const during = record.machine === this.main && this.charts[world.machines.get(this.main)?.key]?.session?.during;
    if (during && record.entered.includes(during)) world.began = record.time_ns;
  }
  look(time) {
    this.due = time + this.every;
    let most = 0;
    const add = (name, label, value, n) => {
      if (typeof value === "number") this.series[name].push([time, value]);
      if (label in this.setpoints) {
        const wanted = this.wanted(this.now, label, n + 1)?.value, number = typeof wanted === "number" ? wanted : null, before = this.series[meant(name)];
        if (number !== null || before.length && before[before.length - 1][1] !== null) before.push([time, number]); // one null: asked for no more
      }
      most = Math.max(most, this.series[name].length);
    };
    for (const [label, written] of Object.entries(this.display)) add(label, label, headline(this.now, this.charts, label, written)?.value, 0);
    this.rows.forEach((row, k) => {
      for (let n = 0; n < row.count; n++) for (const label of Object.keys(row.columns)) add(inRow(row, n, label), label, numberOf(ofUnit(this.now, this.charts, row, k, n, label)), n);
    });
    if (most > POINTS) {
      for (const label of Object.keys(this.series)) this.series[label] = this.series[label].filter(([, value], n) => n % 2 === 0 || value === null);
      this.every *= 2;
    }
  }
  /** What a value is meant to be, null where nothing is asked for; `number` of the unit. */
  wanted(world, label, number = 1) {
    const { of, during } = this.setpoints[label] || {};
    if (!of || (during && !inState(world, during.replaceAll("{}", number)))) return null;
    return lookUp(world, this.charts, of.replaceAll("{}", number));
  }
  trim() {
    const marks = Math.floor(MOST / MARK / 4);
    this.marks.splice(0, marks);
    this.records.splice(0, marks * MARK);
    this.first += marks * MARK;
    if (this.results.length > 500) this.results.splice(0, 100);
  }
  /** How everything stood before the record of that number. */
  at(number) {
    const behind = Math.max(0, Math.min(this.records.length, number - this.first));
    if (behind === this.records.length) return this.now;
    const mark = Math.floor(behind / MARK);
    const world = this.marks[mark].copy();
    for (let n = mark * MARK; n < behind; n++) this.step(world, this.records[n]);
    return world;
  }
  record(number) { return this.records[number - this.first]; }
}

// ---------------------------------------------------------------- values for people

function seconds(ns) {
  const s = ns / 1e9;
  if (Math.abs(s) < 1 && ns !== 0) return `${+(ns / 1e6).toPrecision(3)} ms`;
  if (s < 120) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
  return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
}
function clock(ns) {
  const s = Math.abs(ns) / 1e9, minutes = Math.floor(s / 60);
  return `${ns < 0 ? "−" : ""}${minutes}:${(s - minutes * 60).toFixed(1).padStart(4, "0")}`;
}
function written(value, unit = "") {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "✓" : "✗";
  if (typeof value === "number") {
    if (unit === "ns") return seconds(value);
    let number = value, of = unit;
    if (["W", "Wh", "VA"].includes(unit) && Math.abs(value) >= 1000) { number = value / 1000; of = "k" + unit; }
    const text = Number.isInteger(number) ? String(number) : Math.abs(number) < 10000 ? String(+number.toPrecision(4)) : number.toFixed(0);
    return of ? `${text} ${of}` : text;
  }
  if (typeof value === "string") return value.length > 80 ? value.slice(0, 80) + "…" : value;
  if (Array.isArray(value)) return value.length ? `[${value.slice(0, 8).map((one) => written(one, unit)).join(", ")}${value.length > 8 ? ", …" : ""}]` : "[]";
  const names = Object.keys(value);
  if (names.length === 1 && names[0][0] === "$") {
    const inner = value[names[0]];
    if (names[0] === "$secret") return "•••";
    if (names[0] === "$hex") return inner.length > 32 ? `${inner.slice(0, 32)}… (${inner.length / 2} B)` : inner || "∅";
    return String(inner);
  }
  return `{${names.map((name) => `${name}=${written(value[name])}`).join(", ")}}`;
}
function carried(data, units = {}) {
  if (data === undefined || data === null) return "";
  if (typeof data !== "object" || Array.isArray(data) || Object.keys(data)[0]?.[0] === "$") return written(data);
  return Object.entries(data).filter(([, value]) => value !== null).map(([name, value]) => `${name}=${written(value, units?.[name])}`).join(", ");
}
