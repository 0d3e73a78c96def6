"use strict";
// The parts of the page beside the drawing; each shows one moment. What has not changed is not touched.

function el(tag, attributes = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") one.className = value; else if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else one.setAttribute(name, value === true ? "" : value);
  }
  one.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return one;
}

/** Puts children into a place unless they are as they were; the place scrolls as before. */
function put(place, children, version) {
  if (version !== undefined && place.dataset.version === String(version)) return;
  if (version !== undefined) place.dataset.version = version;
  place.replaceChildren(...children);
}

/** Whether a state is one that is looked for, by its name or its title. */
const isCalled = (chart, id, text) => [id, chart?.titles?.[id] || ""].some((one) => one.toLowerCase().includes(text.toLowerCase()));

const Panels = {
  /** The stage that is reached; where none is any more after a session that `failed`, the one it failed in. */
  stages(place, chart, world, main, failed) {
    const list = place.querySelector("ol"), stages = chart?.stages || [];
    place.hidden = !stages.length;
    const present = presentStage(world, { [main?.key]: chart }, main?.path), wrong = present < 0 && failed ? world.reached : -1;
    if (list.children.length !== stages.length) list.replaceChildren(...stages.map((stage) => el("li", { "data-stage": stage.title, "data-title": word("stages", stage.title) }, el("span", {}, word("stages", stage.title)))));
    [...list.children].forEach((one, n) => {
      const now = n === present ? "here" : n === wrong ? "wrong" : n < Math.max(present, wrong) ? "behind" : "";
      if (one.className === now) return;
      one.className = now;
      if (now === "here") { one.setAttribute("aria-current", "step"); one.parentNode.scrollTo({ left: one.offsetLeft - one.parentNode.clientWidth / 3 }); } else one.removeAttribute("aria-current");
      if (now === "wrong") one.setAttribute("aria-label", `${word("stages", stages[n].title)}: ${t("bad")}`); else one.removeAttribute("aria-label");
    });
    return present < 0 ? "" : word("stages", stages[present].title);
  },

  /** How the last session ended, in words and in colour; which one it is while one is going on. */
  result(place, last, going) {
    const number = last ? last.result.number : 0, text = going ? t("session", number + 1) : last ? outcome(last.result) : "";
    place.hidden = !text;
    place.parentNode.classList.toggle("told", Boolean(text) && !going);
    if (place.textContent === text) return;
    place.textContent = text; place.title = going || !last ? "" : fieldsOf(last.result);
    place.className = going || !last ? "" : judged(last.result);
  },

  tile(label) {
    const tile = el("div", { class: "tile" }, el("span", { class: "label" }, word("values", label)), el("span", { class: "value number" }), el("span", { class: "wanted number" }));
    tile.append(document.createElementNS(SVG, "svg"));
    tile.lastChild.setAttribute("aria-hidden", "true");
    return tile;
  },
  /** A value in its tile, what it is meant to be, and both over time. */
  value(tile, text, wanted, timeline, name, until) {
    const [, number, unit] = /^(-?[\d.]+) (\S+)$/.exec(text) || [null, text, ""], meantText = wanted ? t("wanted", written(wanted.value, wanted.unit)) : "";
    const [, value, aside, svg] = tile.children;
    if (value.dataset.text !== text) { value.dataset.text = text; value.title = text; value.classList.toggle("text", /^[^\d–✓✗-]/.test(text)); value.replaceChildren(number, unit ? el("small", {}, " " + unit) : ""); }
    if (aside.textContent !== meantText) aside.textContent = meantText;
    drawCurve(svg, timeline.series[name] || [], until, timeline.series[meant(name)] || []);
  },
  tiles(place, timeline, world, until) {
    const labels = Object.keys(timeline.display);
    place.hidden = !labels.length;
    const tiles = place.querySelector(".tiles");
    if (tiles.children.length !== labels.length) tiles.replaceChildren(...labels.map(Panels.tile));
    labels.forEach((label, n) => {
      const found = headline(world, timeline.charts, label, timeline.display[label]);
      const wanted = timeline.wanted(world, label);
      Panels.value(tiles.children[n], found ? shownText(found) : "–", wanted, timeline, label, until);
    });
  },

  /** The units of a site side by side: what each shows, with curves and set-points. */
  units(place, timeline, world, until, chosen, choose) {
    const { rows, charts } = timeline;
    place.hidden = !rows.length;
    if (!rows.length) return;
    const box = place.querySelector(".units");
    if (!box.children.length)
      rows.forEach((row) => { for (let n = 0; n < row.count; n++) box.append(el("article", { class: "unit" },
        el("h3", {}, el("button", { type: "button", class: "link" }, word("values", `${row.unit}${n + 1}`))),
        el("div", { class: "cells" }, ...Object.keys(row.columns).map((label) => Panels.tile(label))))); });
    let at = 0;
    rows.forEach((row, k) => {
      for (let n = 0; n < row.count; n++) {
        const card = box.children[at++], button = card.querySelector("button");
        const path = [...world.machines.keys()].find((one) => /^[^/]+\/[^/]+$/.test(one) && one.endsWith(`[${n + 1}]`));
        button.disabled = !path; button.onclick = () => choose(path);
        card.classList.toggle("chosen", Boolean(path) && (chosen === path || chosen.startsWith(path + "/")));
        Object.keys(row.columns).forEach((label, c) => {
          const wanted = timeline.wanted(world, label, n + 1);
          Panels.value(card.lastChild.children[c], ofUnit(world, charts, row, k, n, label), wanted, timeline, inRow(row, n, label), until);
        });
      }
    });
  },

  machines(place, charts, world, chosen, choose) {
    const list = place.querySelector("ul");
    const paths = ordered([...world.machines.keys()]);
    const kept = new Map([...list.children].map((one) => [one.dataset.path, one]));
    const rows = paths.map((path) => {
      const machine = world.machines.get(path), chart = charts[machine.key];
      let row = kept.get(path);
      if (!row) {
        const parts = path.split("/");
        const button = el("button", { type: "button", onclick: () => choose(path) }, el("span", { class: "name" }, parts[parts.length - 1]), el("span", { class: "state" }));
        row = el("li", { "data-path": path }, button);
        button.style.setProperty("--depth", depthOf(path, world));
      }
      const button = row.firstChild;
      const text = machine.state === "running" ? shortStates(machine, chart) : t("ended");
      if (button.lastChild.textContent !== text) { button.lastChild.textContent = text; button.title = `${path}: ${text}`; }
      button.setAttribute("aria-current", path === chosen ? "true" : "false");
      button.classList.toggle("ended", machine.state !== "running");
      return row;
    });
    for (const [path, row] of kept) if (!world.machines.has(path)) row.remove();
    rows.forEach((row, n) => { if (list.children[n] !== row) list.insertBefore(row, list.children[n] || null); }); // who is at one with the keyboard stays there
  },

  why(place, charts, world, machine, live) {
    const parts = [];
    if (!machine) { put(place, [el("p", { class: "quiet" }, t("gone"))]); return; }
    const chart = charts[machine.key] || { transitions: {} };
    const record = machine.last;
    if (!record) parts.push(el("p", { class: "quiet" }, t("nothing")));
    else {
      const cause = record.event ? el("code", {}, record.event.name) : record.timer ? el("code", { class: "timer" }, timerText(record.timer)) : t(record.cause);
      parts.push(el("p", {}, el("b", {}, t("last")), ` ${clock(record.time_ns)} `, el("span", { class: "quiet" }, t("because"), " "), cause,
        record.event?.data ? el("span", { class: "quiet" }, " ", carried(record.event.data, machine.units[record.event.name])) : "",
        record.unhandled ? el("span", { class: "bad" }, " ", t("unhandled")) : ""));
      for (const id of (record.transitions || []).slice(0, 6)) parts.push(wayText(id, chart));
      for (const failure of record.failures || []) parts.push(el("p", { class: "bad" }, `${failure.message} (${failure.position})`));
    }
    const timers = Object.entries(machine.timers).sort(([, a], [, b]) => a.due - b.due);
    if (timers.length) {
      parts.push(el("h3", {}, t("timers")));
      parts.push(el("ul", { class: "timers" }, ...timers.map(([id, { due, delay }]) => {
        const bar = el("span", { class: "bar", "data-due": due, "data-delay": delay || "" }, el("i", {}));
        return el("li", {}, el("code", { class: "timer" }, timerText(id)), " ", el("span", { class: "quiet" }, id.split("/after ")[0]), bar, el("span", { class: "number left", "data-left": due }));
      })));
    }
    const ways = Object.entries(chart.transitions).filter(([, way]) => way.on && !way.ignores && (way.from === "" || machine.isActive(way.from)));
    if (machine.state === "running" && ways.length) {
      parts.push(el("h3", {}, t("waits")));
      const inner = ways.sort(([, a], [, b]) => b.from.split(".").length - a.from.split(".").length).slice(0, 30);
      parts.push(el("ul", { class: "waits" }, ...inner.map(([id, way]) => el("li", {},
        el("code", {}, way.on.join(", ")), way.guard ? el("span", { class: "guard" }, ` [${way.guard}]`) : "",
        way.to.length ? el("span", { class: "quiet" }, " → " + way.to.map(last).join(", ")) : "", way.citation ? el("small", { class: "quiet" }, " " + way.citation) : ""))));
    }
    put(place, parts, `${machine.path} ${machine.key} ${record ? record.time_ns + JSON.stringify(record.transitions || 0) + (record.event?.name || record.timer) : ""} ${timers.map(([id, one]) => id + one.due)} ${charts[machine.key] ? 1 : 0}`);
    Panels.count(place, live());
  },
  /** Timers count down between the steps. */
  count(place, now) {
    for (const one of place.querySelectorAll("[data-left]")) one.textContent = seconds(Math.max(0, one.dataset.left - now));
    for (const one of place.querySelectorAll("[data-due]")) {
      const delay = Number(one.dataset.delay) || 0;
      one.firstChild.style.width = delay ? `${Math.max(0, Math.min(100, 100 * (one.dataset.due - now) / delay))}%` : "100%";
    }
  },

  data(place, charts, world, machine) {
    if (!machine) { put(place, []); return; }
    const chart = charts[machine.key] || {};
    const groups = [
      [null, Object.keys(machine.data).filter((name) => !chart.arguments?.[name]).map((name) => [name, machine.data[name], chart.data?.[name]])],
      ["readings", Object.keys(machine.readings).map((name) => [name, machine.readings[name].value, chart.values?.[name]])],
      ["arguments", Object.keys(chart.arguments || {}).filter((name) => machine.data[name] !== undefined && machine.isActive(chart.arguments[name].of)).map((name) => [name, machine.data[name], chart.arguments[name]])],
      ["parameters", Object.keys(machine.parameters).map((name) => [name, machine.parameters[name], chart.parameters?.[name]])],
    ];
    const kept = place.dataset.path === machine.path && place.dataset.of === machine.key + (chart.data ? 1 : 0) ? new Map([...place.querySelectorAll("tr")].map((one) => [one.dataset.name, one])) : new Map();
    const many = groups.map(([, rows]) => rows.length).join();
    if (!kept.size || place.dataset.many !== many) {
      const parts = groups.filter(([, rows]) => rows.length).map(([name, rows]) => {
        const table = el("table", { class: "data" }, el("tbody", {}, ...rows.map(([own, , kind]) =>
          el("tr", { "data-name": `${name || ""}.${own}`, title: kind?.text && said(kind.text) }, el("th", { scope: "row" }, own), el("td", {})))));
        return name ? el("details", { open: name !== "parameters", "data-group": name }, el("summary", {}, t(name)), table) : table;
      });
      for (const one of place.querySelectorAll("details")) for (const two of parts) if (two.dataset.group === one.dataset.group) two.open = one.open;
      place.replaceChildren(...parts);
      place.dataset.path = machine.path; place.dataset.of = machine.key + (chart.data ? 1 : 0); place.dataset.many = many;
    }
    const cells = new Map([...place.querySelectorAll("tr")].map((one) => [one.dataset.name, one.lastChild]));
    for (const [name, rows] of groups)
      for (const [own, value, kind] of rows) {
        const cell = cells.get(`${name || ""}.${own}`), text = kind?.secret && value ? "•••" : written(value, kind?.unit);
        if (cell && cell.textContent !== text) {
          cell.classList.toggle("fresh", cell.textContent !== "");
          cell.textContent = text;
        } else cell?.classList.remove("fresh");
      }
  },

  tree(place, chart, machine, find) {
    const states = chart?.states || [...new Set(machine?.configuration || [])].filter(Boolean).map((id) => ({ id }));
    const of = chart ? chart.name + chart.states.length : states.map((one) => one.id).join();
    if (place.dataset.of !== of) {
      const lists = new Map([["", el("ul")]]);
      for (const state of states) {
        const above = state.id.includes(".") ? state.id.slice(0, state.id.lastIndexOf(".")) : "";
        const inside = states.some((one) => one.id.startsWith(state.id + "."));
        const label = [el("b", {}, last(state.id)), state.title ? el("span", { class: "quiet" }, " " + state.title) : ""];
        const list = el("ul");
        const item = inside ? el("li", {}, el("details", { open: true, "data-state": state.id }, el("summary", {}, ...label), list)) : el("li", {}, el("span", { "data-state": state.id }, ...label));
        lists.set(state.id, list);
        (lists.get(above) || lists.get("")).append(item);
      }
      place.replaceChildren(lists.get(""));
      place.dataset.of = of;
    }
    let first = null;
    for (const one of place.querySelectorAll("[data-state]")) {
      one.classList.toggle("on", Boolean(machine?.isActive(one.dataset.state)));
      const found = find && isCalled(chart, one.dataset.state, find);
      one.classList.toggle("found", Boolean(found));
      if (found && !first) first = one;
    }
    return first;
  },

  messages(place, messages, path) {
    const numbers = messages.sides.length ? sidesOfUnit(messages.sides, path) : [0];
    const sides = numbers.map((n) => messages.sides[n]?.label ?? "");
    const rows = messages.rows.filter((row) => numbers.includes(row.side)).slice(-120);
    put(place, rows.length ? [el("ol", { class: "messages" },
      el("li", { class: "heads" }, el("span", {}), ...sides.map((one) => el("b", {}, word("values", one)))),
      ...rows.map((row) => {
        const left = numbers.indexOf(row.side) < numbers.length / 2;
        const arrow = row.kind === "person" ? "☝" : (row.kind === "out") === left ? "→" : "←";
        return el("li", { class: `${row.kind} ${left ? "first" : "second"}` },
          el("span", { class: "number quiet" }, clock(row.time)),
          el("span", { class: "text" }, arrow === "←" ? el("i", {}, "← ") : "", el("b", {}, row.name), row.count > 1 ? el("em", {}, ` ×${row.count}`) : "",
            arrow === "←" ? "" : el("i", {}, ` ${arrow}`), el("small", {}, carried(row.data, row.units))));
      }))] : [el("p", { class: "quiet" }, t("nothingYet"))], `m${messages.version} ${rows.length} ${sides}`);
  },

  steps(place, timeline, until, go) {
    const end = until ?? timeline.next, from = Math.max(timeline.first, end - 120);
    const rows = [];
    for (let n = from; n < Math.min(timeline.next, end + 30); n++) {
      const record = timeline.record(n);
      if (!("cause" in record)) continue;
      const what = record.event ? record.event.name : record.timer ? timerText(record.timer) : t(record.cause);
      rows.push(el("li", { class: n === end - 1 ? "here" : n >= end ? "ahead" : "" }, el("button", { type: "button", onclick: () => go(n + 1) },
        el("span", { class: "number quiet" }, clock(record.time_ns)), el("span", { class: "name" }, record.machine),
        el("b", { class: record.timer ? "timer" : record.unhandled || record.failures ? "bad" : "" }, what),
        el("span", { class: "quiet" }, (record.entered || []).length ? "→ " + [...record.entered].filter((one, k, all) => one && !all.some((other) => other.startsWith(one + "."))).map(last).join(", ") : ""))));
    }
    put(place, rows.length ? [el("ol", { class: "steps" }, ...rows)] : [el("p", { class: "quiet" }, t("nothingYet"))], `s${end} ${timeline.next}`);
  },

  log(place, rows) {
    put(place, rows.length ? [el("ol", { class: "log" }, ...rows.slice(-200).map((row) => el("li", { class: row.bad ? "bad" : "" },
      el("span", { class: "number quiet" }, clock(row.time)), el("span", { class: "name" }, row.machine), el("span", tongue(row.text), said(row.text)))))] : [el("p", { class: "quiet" }, t("nothingYet"))],
    `l${rows.length} ${rows.length ? rows[rows.length - 1].time : ""}`);
  },

  results(place, results) {
    put(place, results.length ? [el("ol", { class: "results" }, ...results.slice(-100).reverse().map(({ time_ns, result }) => el("li", {},
      el("p", {}, el("b", {}, t("session", result.number), result.unit ? ` ${word("values", result.unit)}` : ""), " ",
        judged(result) ? el("span", { class: `badge ${judged(result)}` }, MARKS[judged(result)], t(judged(result))) : "", " ",
        el("span", { class: "quiet number" }, clock(time_ns), result.duration_ns ? `, ${seconds(result.duration_ns)}` : "")),
      result.data?.reason ? el("p", { class: result.good ? "" : "bad" }, el("b", {}, said(result.data.reason))) : "", el("p", {}, fieldsOf(result)), ...(result.sides || []).map((side) => el("p", { class: "quiet" }, sideOf(side))))))] : [el("p", { class: "quiet" }, t("nothingYet"))],
    `r${results.length}`);
  },
};

const MARKS = { good: "✓ ", bad: "✗ ", empty: "– " };
/** How a session ended, as a class: one without energy is no success, and no failure where it ended in order. */
const judged = (result) => (result.good === false ? "bad" : result.good ? (result.empty ? "empty" : "good") : "");
/** A session's end in a line: the mark, which one, how, and why. */
function outcome(result) {
  const how = judged(result) ? ` ${t(judged(result))}` : "";
  const why = result.data?.reason ? said(result.data.reason) : (result.good ? "" : fieldsOf(result));
  return `${MARKS[judged(result)] || ""}${t("session", result.number)}${result.unit ? ` ${word("values", result.unit)}` : ""}${how}${why ? `: ${why}` : ""}`;
}
/** `end=normal, energy=1224.07 Wh` in words. */
function fieldsOf(result) {
  const names = Object.keys(result.data || {}), parts = names.length ? result.text.split(new RegExp(`(?:^|, )(${names.join("|")})=`)) : [];
  if (parts.length < 3) return said(result.text);
  return parts.slice(1).map((part, n) => (n % 2 ? said(part) : `${n ? ", " : ""}${word("values", part)}=`)).join("");
}
/** `Station: Cable check, [session.cable_check_ok] Pre-charge` in words. */
function sideOf(text) {
  const [, label, moves] = /^(.*?): (.*)$/.exec(text) || ["", "", text];
  return `${label ? `${word("values", label)}: ` : ""}${moves.split(/, (?=\[)/).map((one) => one.replace(/^(\[.*?\] )?(.*)$/, (_, by, title) => (by || "") + said(title))).join(", ")}`;
}
const last = (state) => state.slice(state.lastIndexOf(".") + 1) || state;
const timerText = (id) => (id.includes("/after ") ? "after " + id.split("/after ")[1] : id);
function wayText(id, chart) {
  const way = chart.transitions?.[id];
  if (!way) return el("p", { class: "way" }, el("code", {}, id));
  return el("p", { class: "way" }, el("span", { class: "quiet" }, t("took"), " "), el("code", {}, way.from || "·"), " → ", el("code", {}, way.to.map((one) => one).join(", ") || "·"),
    way.guard ? el("span", { class: "guard" }, ` [${way.guard}]`) : "", way.description ? el("span", { class: "quiet", ...tongue(way.description) }, " " + said(way.description)) : "",
    way.citation ? el("small", { class: "quiet" }, " " + way.citation) : "");
}
function shortStates(machine, chart, titled) {
  const leaves = machine.leaves.filter((one) => !titled || chart?.titles?.[one]);
  if (!leaves.length && titled) return shortStates(machine, chart, false);
  return leaves.map((one) => chart?.titles?.[one] || last(one)).filter((one, n, all) => all.indexOf(one) === n).join(" · ");
}
/** Parents first, each followed by what is inside it; what stands for adapters after the machines they belong to. */
function ordered(paths) {
  return paths.map((path) => [path.split("/"), path]).sort(([a], [b]) => {
    for (let n = 0; n < Math.min(a.length, b.length); n++) if (a[n] !== b[n]) return n === 0 ? paths.indexOf(a[0]) - paths.indexOf(b[0]) : a[n].localeCompare(b[n], "en", { numeric: true });
    return a.length - b.length;
  }).map(([, path]) => path);
}
const depthOf = (path) => path.split("/").length - 1;
