"use strict";
// Who said what to whom: messages of the sides a station names, what repeats counted in its place.

const ROWS = 250;
const SOON_NS = 2.5e9;

/** The side a machine belongs to, by the roots (or units) that the header's sides name. */
function sidesOf(header) {
  return Object.entries(header.sides || {}).map(([label, side]) => {
    const parts = side.machine.split("/");
    const unit = /\[/.test(parts[1] || "") ? parts.slice(0, 2).join("/") : parts[0];
    return { label, under: unit, unit: side.unit || "" };
  });
}

/** Of the sides of several units those of one: of the unit that the machine belongs to, else the first. */
function sidesOfUnit(sides, path) {
  const units = [...new Set(sides.map((one) => one.unit))].filter(Boolean);
  const here = sides.find((one) => one.unit && (path === one.under || path.startsWith(one.under + "/")));
  const unit = here?.unit ?? units[0] ?? "";
  return sides.map((one, n) => n).filter((n) => !sides[n].unit || sides[n].unit === unit);
}

class Messages {
  constructor(header) { this.sides = sidesOf(header); this.clear(); }
  clear() { this.rows = []; this.kinds = new Map(); this.who = new Map(); this.version = 0; }
  side(path) {
    if (!this.who.has(path)) this.who.set(path, this.sides.findIndex((one) => path === one.under || path.startsWith(one.under + "/")));
    return this.who.get(path);
  }
  /** One record, seen with the machine as it stood then. */
  take(record, machine, number, alone) {
    if (!("cause" in record) || !machine) return;
    const side = this.sides.length ? this.side(record.machine) : 0;
    if (side < 0) return;
    const lanes = machine.lanes;
    if (record.event && record.event.origin === undefined) {
      const [role, ...rest] = record.event.name.split(".");
      const name = rest.join(".");
      const person = machine.persons.includes(role);
      if (person) this.say(record, side, "person", record.event.name, record.event.data, machine.units[record.event.name], number, "");
      else if (alone(side) && role in lanes && !machine.local.includes(record.event.name))
        this.say(record, side, "in", name, record.event.data, machine.units[record.event.name], number, lanes[role]);
    }
    for (const effect of record.effects || []) {
      if (effect.do !== "call" || !(effect.role in lanes) || machine.local.includes(`${effect.role}.${effect.action}`)) continue;
      this.say(record, side, "out", effect.action, effect.args, machine.units[`${effect.role}.${effect.action}()`], number, lanes[effect.role]);
    }
  }
  say(record, side, kind, name, data, units, number, lane) {
    const key = `${side} ${kind} ${name}`;
    const before = this.kinds.get(key);
    this.version++;
    if (before && record.time_ns - before.last < SOON_NS && (this.rows[this.rows.length - 1].place - before.place) < 12) {
      before.count++; before.last = record.time_ns; before.data = data; before.number = number;
      return;
    }
    const row = { time: record.time_ns, last: record.time_ns, side, kind, name, data, units, number, lane, count: 1, place: 0 };
    row.place = this.rows.length ? this.rows[this.rows.length - 1].place + 1 : 0;
    this.rows.push(row);
    this.kinds.set(key, row);
    if (this.rows.length > ROWS) {
      const gone = this.rows.splice(0, 50);
      for (const one of gone) { const of = `${one.side} ${one.kind} ${one.name}`; if (this.kinds.get(of) === one) this.kinds.delete(of); }
    }
  }
}
