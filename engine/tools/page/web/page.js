"use strict";
// Puts it all together: where the records come from, which moment is shown, what can be asked for.

const byId = (id) => document.getElementById(id);
const page = {
  charts: {}, header: { machines: {} }, main: "", timeline: null, drawings: new Map(), offers: [],
  chosen: "", moment: null, tab: "messages", tree: false, sheets: [], sheet: 0, shownKey: "", follow: true,
  now: { ns: 0, at: 0, real: false }, alive: "", lastHeard: 0, source: null, whole: false, playing: null, dirty: true,
  log: [], messages: null, messagesAt: 0, live: false, patience: 2000, retry: 0,
};

// ---------------------------------------------------------------- where records come from

async function ask(path, options) {
  const answer = await fetch(path, { cache: "no-store", ...options }).catch(() => { throw new Error(t("notNow")); });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || t("notNow"));
  return [202, 204].includes(answer.status) ? null : answer.json();
}

async function begin() {
  bind();
  const own = byId("recorded");
  if (own) return recorded(JSON.parse(own.textContent));
  const asked = [ask("api/state"), ask("api/charts"), ask("api/events").catch(() => ({ events: [] }))];
  await learn(LANGUAGE === "en" ? {} : ask(`${LANGUAGE}.json`), ask(`api/words/${LANGUAGE}`));
  translate();
  known(await asked[1]);
  page.offers = (await asked[2]).events;
  await whole(false, asked[0]);
  setTimeout(() => { if (page.moment === null) fromTheBeginning(); }, 1000);
  setInterval(heartbeat, 500);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  requestAnimationFrame(frame);
}

/** A trace in this very file, or one that was opened: nothing comes after it. */
async function recorded(told) {
  await learn(told.own[LANGUAGE] || {}, told.words[LANGUAGE] || told.words.en || {});
  translate();
  known(told.charts);
  for (const [key, sheets] of Object.entries(told.drawings || {})) page.drawings.set(key, Promise.resolve({ sheets }));
  const header = told.header;
  page.header = header;
  page.main = Object.keys(header.machines)[0] || "";
  page.timeline = new Timeline(0, {}, page.charts, header, page.main);
  page.whole = true;
  taken(told.records, 0);
  page.timeline.results = told.results.map((result) => ({ time_ns: result.time_ns, machine: page.main, result }));
  page.now = { ns: page.timeline.now.time, at: 0, real: false };
  page.alive = "trace";
  byId("controls").hidden = true;
  setUp();
  const end = told.records.findIndex((one) => one.cause === "stop" && one.machine in header.machines);
  moveTo(end < 0 ? page.timeline.next : end); // before the end of the run: then all states have been left
  requestAnimationFrame(frame);
}

function known(charts) {
  for (const [key, chart] of Object.entries(charts)) {
    for (const one of [chart, ...chart.states]) if (one.title) one.title = said(one.title);
    chart.titles = Object.fromEntries(chart.states.filter((one) => one.title).map((one) => [one.id, one.title]));
    page.charts[key] = chart;
  }
}

/** All anew: after the start, when the stream is behind, when somebody looks back further than what is here. */
async function whole(all, asked) {
  page.source?.close();
  const [told, past] = await Promise.all([asked || ask(`api/state${all ? "?all=1" : ""}`), ask("api/results")]);
  page.header = told.header; page.main = told.main; page.whole = all || told.oldest === told.first; page.live = true;
  const old = page.timeline;
  page.timeline = new Timeline(told.first, told.base, page.charts, told.header, page.main);
  if (old && !all) page.timeline.series = old.series;
  page.messages = null; page.log = [];
  taken(told.records, told.first);
  const { results } = page.timeline, here = new Set(results.map((one) => one.result.number));
  results.unshift(...past.results.filter((one) => !here.has(one.number) && one.time_ns <= page.timeline.now.time).map((result) => ({ time_ns: result.time_ns, result })));
  tick(told.now_ns, told.real);
  setUp();
  listen();
}

function listen() {
  const source = (page.source = new EventSource(`api/stream?after=${page.timeline.next}`));
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    if (told.first !== page.timeline.next) { source.close(); whole(page.whole).catch(lost); return; }
    taken(told.records, told.first);
    tick(told.now_ns, page.now.real);
  };
  source.addEventListener("gone", () => { source.close(); setTimeout(() => whole(false).catch(lost), 1000); });
  source.addEventListener("over", () => { source.close(); page.source = null; page.alive = "over"; page.dirty = true; if (page.now.real) setTimeout(anew, 3000, 3000); });
  source.onerror = () => { source.close(); if (page.alive !== "over") lost(); };
}
/** After the end: a station that has begun anew is another one. It is looked for ever more rarely; a run on a virtual clock does not come again. */
async function anew(waited) {
  const there = await fetch("api/events", { cache: "no-store" }).catch(() => null);
  const next = Math.min(60000, waited * 1.5);
  if (there) location.reload(); else setTimeout(anew, next, next);
}
/** A station that does not answer is asked ever more rarely; the first word of it ends that. */
function lost() {
  clearTimeout(page.retry);
  page.retry = setTimeout(() => { page.retry = 0; wake(); }, page.patience);
  page.patience = Math.min(60000, page.patience * 1.5);
}
function wake() {
  if (!page.live || page.alive === "over") return;
  if (page.source && page.source.readyState !== EventSource.CLOSED && performance.now() - page.lastHeard < 5000) return;
  whole(page.whole).catch(lost);
}
function tick(ns, real) {
  page.now = { ns, at: performance.now(), real }; page.lastHeard = performance.now();
  page.patience = 2000;
  if (page.alive !== "over") page.alive = "live";
}
function heartbeat() {
  if (page.alive === "over" || page.alive === "trace") return;
  const quiet = performance.now() - page.lastHeard;
  if (quiet > 5000) { page.alive = "lost"; page.dirty = true; if (quiet > 8000 && !page.retry) lost(); }
}

/** The clock of the station: it goes on between what it says. */
function nowNs() {
  if (page.moment !== null) return page.timeline.at(page.moment).time;
  if (page.alive === "live" && page.now.real) return page.now.ns + Math.min(4000, performance.now() - page.now.at) * 1e6;
  return Math.max(page.now.ns, page.timeline.now.time);
}

function taken(records, first) {
  const world = page.timeline.now;
  page.messages ??= new Messages(page.header);
  records.forEach((record, n) => {
    page.timeline.add([record]);
    const machine = world.machines.get(record.machine) ?? page.gone?.get(record.machine);
    if (machine) { page.gone ??= new Map(); page.gone.set(record.machine, machine); if (page.gone.size > 200) page.gone.clear(); }
    page.messages.take(record, machine, first + n, alone);
    logged(record);
  });
  page.dirty = true;
}
/** Whether nobody else of this trace is on the other side: then what arrives is told, too. */
function alone(side) {
  if (page.messages.sides.length < 2) return true;
  const others = page.messages.sides.filter((_, n) => n !== side);
  return !others.some((one) => [...page.timeline.now.machines.keys()].some((path) => path === one.under || path.startsWith(one.under + "/")));
}
function logged(record) {
  const bad = ["machine_failed", "queue_full", "invariant", "adapter_error"];
  if (record.note && record.note !== "out") page.log.push({ time: record.time_ns, machine: record.machine, text: `${record.note.replaceAll("_", " ")}: ${record.text || ""}`, bad: bad.includes(record.note) });
  for (const effect of record.effects || []) if (effect.do === "log") page.log.push({ time: record.time_ns, machine: record.machine, text: effect.text });
  for (const failure of record.failures || []) page.log.push({ time: record.time_ns, machine: record.machine, text: failure.message, bad: true });
  if (page.log.length > 600) page.log.splice(0, 200);
}

function setUp() {
  document.title = byId("title").textContent = said(page.header.title || page.main);
  if (!page.timeline.now.machines.has(page.chosen)) choose(page.chosen || page.main, page.chosen !== "");
  controls();
}

// ---------------------------------------------------------------- which moment

function moveTo(number) {
  const { first, next } = page.timeline;
  stopPlaying();
  page.moment = number === null || (number >= next && page.live) ? null : Math.max(first + 1, Math.min(next, number));
  page.dirty = page.moved = true;
}
async function lookBack() {
  const before = page.moment;
  if (await fromTheBeginning()) { page.moment = before; page.dirty = true; }
}
/** All that the station has kept: messages and curves since then, whenever this page was opened. */
async function fromTheBeginning() {
  if (page.whole || !page.live) return false;
  page.whole = true;
  return whole(true).then(() => true, () => (page.whole = false));
}
function stopPlaying() { if (page.playing) { clearInterval(page.playing); page.playing = null; byId("play").setAttribute("aria-pressed", "false"); } }
function play() {
  if (page.playing) return stopPlaying();
  if (page.moment === null || page.moment >= page.timeline.next) moveTo(page.timeline.first + 1);
  let time = page.timeline.at(page.moment).time, at = performance.now();
  byId("play").setAttribute("aria-pressed", "true");
  page.playing = setInterval(() => {
    time += (performance.now() - at) * 1e6 * 4; at = performance.now();
    let number = page.moment;
    while (number < page.timeline.next && (page.timeline.record(number).time_ns ?? 0) <= time) number++;
    page.moment = Math.max(number, page.moment); page.dirty = true;
    if (number >= page.timeline.next) { stopPlaying(); if (page.live) page.moment = null; }
  }, 100);
}

// ---------------------------------------------------------------- the picture of it

let painted = 0;
function frame(at) {
  requestAnimationFrame(frame);
  if (document.hidden || at - painted < 90) return;
  painted = at;
  if (page.dirty) { page.dirty = false; paint(); }
  else if (page.alive === "live") {
    Panels.count(byId("why"), nowNs());
    if (page.moment === null) byId("clock").textContent = clock(nowNs());
  }
}

function paint() {
  const { timeline, charts, header } = page;
  if (!timeline) return;
  const world = page.moment === null ? timeline.now : timeline.at(page.moment);
  const main = world.machines.get(page.main);
  const ended = timeline.results.filter((one) => one.time_ns <= (page.moment === null ? Infinity : world.time)), end = ended[ended.length - 1];
  const stage = Panels.stages(byId("stages"), charts[main?.key], world, main, end?.result.good === false);
  Panels.result(byId("result"), end, world.began >= 0 && !(end?.time_ns >= world.began) && inSession(world));
  const told = main ? shortStates(main, charts[main.key], true) : "";
  say("main-state", stage || told);
  Panels.tiles(byId("values"), timeline, world, page.moment === null ? null : world.time);
  Panels.units(byId("units"), timeline, world, page.moment === null ? null : world.time, page.chosen, choose);
  Panels.machines(byId("machines"), charts, world, page.chosen, choose);
  const machine = world.machines.get(page.chosen) || (page.moment === null ? null : undefined);
  Panels.why(byId("why").querySelector(".scroll"), charts, world, machine || page.lastOf?.get(page.chosen), nowNs);
  Panels.data(byId("data").querySelector(".scroll"), charts, world, machine);
  drawn(machine);
  activity(world);
  slider();
  badge();
  enable(world);
  document.body.classList.remove("begins");
}
function say(id, text) { const one = byId(id); if (one.textContent !== text) one.textContent = text; }
function badge() {
  const one = byId("link"), past = page.moment !== null && page.live;
  const text = page.alive === "lost" ? t("lost", seconds((performance.now() - page.lastHeard) * 1e6).replace(/\.\d+/, "")) : past ? t("past") : t({ live: "connected" }[page.alive] || page.alive || "…");
  say("link", text);
  one.className = `badge ${past ? "past" : page.alive}`;
  document.body.classList.toggle("stale", page.alive === "lost");
  document.body.classList.toggle("past", past);
  say("clock", clock(nowNs()));
  say("clock-kind", page.live ? t(page.now.real ? "real" : "virtual") : "");
}
function slider() {
  const { first, next } = page.timeline, one = byId("slider");
  one.min = first + 1; one.max = Math.max(first + 1, next);
  const value = page.moment ?? next;
  if (Number(one.value) !== value) one.value = value;
  const time = page.moment === null ? nowNs() : page.timeline.at(value).time;
  one.setAttribute("aria-valuetext", `${clock(time)}, ${t("step", value, next)}`);
  say("moment", `${clock(time)} · ${t("step", value, next)}`);
  byId("now").setAttribute("aria-pressed", String(page.moment === null));
  byId("now").hidden = !page.live;
}
function activity(world) {
  const pane = byId("pane"), low = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40, before = pane.dataset.version;
  if (pane.dataset.tab !== page.tab) { pane.dataset.tab = page.tab; delete pane.dataset.version; }
  const until = page.moment === null ? Infinity : world.time;
  if (page.tab === "messages") {
    const all = page.messages;
    const shown = until === Infinity ? all : { sides: all.sides, rows: all.rows.filter((row) => row.time <= until).map((row) => (row.last > until ? { ...row, count: 1 } : row)), version: `${all.version}@${until}` };
    Panels.messages(pane, shown, page.chosen);
  } else if (page.tab === "steps") Panels.steps(pane, page.timeline, page.moment, moveTo);
  else if (page.tab === "log") Panels.log(pane, page.log.filter((row) => row.time <= until));
  else Panels.results(pane, page.timeline.results.filter((row) => row.time_ns <= until));
  if (pane.dataset.version !== before) {
    const here = page.tab === "steps" && page.moment !== null ? pane.querySelector(".here") : null;
    if (here) pane.scrollTop = here.offsetTop - pane.clientHeight / 2;
    else if (low || before === undefined) pane.scrollTop = page.tab === "results" ? 0 : pane.scrollHeight;
  }
}

// ---------------------------------------------------------------- the chart

let drawing;
function choose(path, keep) {
  page.chosen = path;
  page.follow = true;
  if (!keep) { page.shownKey = ""; byId("search").value = ""; }
  page.dirty = true;
}
function drawn(machine) {
  page.shown = machine;
  if (!machine) { if (page.sheets.length) drawing.light([], [], [], [], []); return; }
  const key = machine.key, chart = page.charts[key];
  if (page.shownKey !== key) {
    page.shownKey = key; page.sheets = []; page.sheet = 0;
    byId("sheets").replaceChildren();
    say("chart-h", chart?.title || machine.chart);
    byId("drawing").dataset.waits = t("waitDrawing");
    byId("drawing").classList.add("waits");
    fetched(key).then(({ sheets }) => {
      if (page.shownKey !== key) return;
      page.sheets = sheets;
      byId("drawing").classList.remove("waits");
      if (sheets.length) sheetButtons(sheets); else page.noDrawing = true;
      view(sheets.length ? page.tree : true);
      if (sheets.length) turn(0, true);
      page.dirty = true;
    });
    view(page.tree);
    page.noDrawing = false;
  }
  say("chart-h", chart?.title ? `${chart.title}` : machine.chart);
  if (byId("states").dataset.of !== key && chart) {
    byId("states").dataset.of = key;
    byId("states").replaceChildren(...chart.states.map((one) => el("option", { value: one.id }, one.title || "")));
  }
  const record = machine.last;
  if (page.sheets.length) {
    if (page.moved && !hasState(page.sheet, machine.leaves)) page.follow = true; // turned to by hand: nothing of this moment is on it
    page.moved = false;
    if (page.follow) followed(machine);
    drawing.light(machine.configuration, machine.leaves, record?.transitions || [], record?.entered || [], machine.place);
    if (page.follow) drawing.centre();
    [...byId("sheets").children].forEach((button, n) => button.classList.toggle("on", hasState(n, machine.leaves)));
  }
  if (!byId("tree").hidden) Panels.tree(byId("tree"), chart, machine, byId("search").value);
}
function fetched(key) {
  if (!page.drawings.has(key)) page.drawings.set(key, page.live ? ask(`api/drawings/${key}`).catch(() => { page.drawings.delete(key); return { sheets: [] }; }) : Promise.resolve({ sheets: [] }));
  return page.drawings.get(key);
}
const stateSets = new Map();
function statesOn(n) {
  const text = page.sheets[n];
  if (!stateSets.has(text)) { if (stateSets.size > 60) stateSets.clear(); stateSets.set(text, new Set([...text.matchAll(/class="([^"]*)"[^>]*data-state="([^"]*)"/g)].filter((m) => !m[1].includes("closed")).map((m) => m[2]))); }
  return stateSets.get(text);
}
const hasState = (n, states) => states.some((one) => statesOn(n).has(one));
/** The sheet that shows what was entered last, as long as nobody has turned to another one. */
function followed(machine) {
  for (const states of [machine.place, machine.leaves]) {
    if (hasState(page.sheet, states)) return;
    const n = page.sheets.findIndex((_, number) => hasState(number, states));
    if (n >= 0) return turn(n, true);
  }
}
function sheetButtons(sheets) {
  byId("sheets").replaceChildren(...(sheets.length < 2 ? [] : sheets.map((text, n) => el("button", { type: "button", "aria-label": t("sheet", n + 1), "aria-pressed": String(n === page.sheet), onclick: () => turn(n, false) }, String(n + 1)))));
}
function turn(n, follow) {
  page.follow = follow; page.sheet = n;
  drawing.show(page.sheets[n]);
  [...byId("sheets").children].forEach((one, k) => one.setAttribute("aria-pressed", String(k === n)));
  page.dirty = true;
}
function view(tree) {
  byId("tree").hidden = !tree; byId("drawing").hidden = tree; byId("zoom").hidden = tree;
  byId("as-tree").setAttribute("aria-pressed", String(tree)); byId("as-drawing").setAttribute("aria-pressed", String(!tree));
  byId("as-drawing").disabled = page.noDrawing === true && !page.sheets.length;
  page.dirty = true;
}
function find(text) {
  const chart = page.charts[page.shownKey], found = text && chart ? chart.states.map((one) => one.id).filter((id) => isCalled(chart, id, text)) : [];
  byId("search").setAttribute("aria-invalid", String(text !== "" && !found.length));
  if (page.sheets.length && byId("tree").hidden) {
    const n = page.sheets.findIndex((_, number) => hasState(number, found));
    if (n >= 0 && !hasState(page.sheet, found)) turn(n, false);
    page.follow = !text; // what was found stays in view
    drawing.find(found);
  } else Panels.tree(byId("tree"), page.charts[page.shownKey], page.shown, text)?.scrollIntoView({ block: "center" });
}

// ---------------------------------------------------------------- controls

function controls() {
  const box = byId("controls");
  box.hidden = !page.live || !page.offers.length;
  byId("configure").hidden = !page.live;
  const button = (offer) => el("button", { type: "button", "data-event": offer.event, title: offer.text ? `${offer.event}: ${said(offer.text)}` : offer.event, onclick: () => offered(offer) }, word("controls", parted(offer.event)[1]));
  const groups = (offers) => [...new Set(offers.map((one) => parted(one.event)[0]))].map((whose, _, all) => {
    const buttons = el("div", { class: "buttons" }, ...offers.filter((one) => parted(one.event)[0] === whose).map(button));
    return whose ? el("details", { open: all.filter(Boolean).length < 2 }, el("summary", {}, word("controls", whose)), buttons) : buttons;
  });
  const first = page.offers.filter((one) => one.kind !== "told"), more = page.offers.filter((one) => one.kind === "told");
  box.querySelector(".offers").replaceChildren(...groups(first));
  const details = box.querySelector(":scope > details");
  details.hidden = !more.length;
  details.querySelector(".offers").replaceChildren(...groups(more));
}
/** What an offer is called for itself. */
function called(offer) { const [whose, what] = parted(offer.event); return whose ? `${word("controls", whose)}: ${word("controls", what)}` : word("controls", what); }
function enable(world) {
  const locked = page.alive !== "live" || page.moment !== null;
  for (const one of byId("controls").querySelectorAll("button")) if (one.disabled !== locked) one.disabled = locked;
  if (byId("settings").open) Settings.enable();
}
/** Whether a session is going on: the main machine, or one on a unit, is in what its chart calls one. */
function inSession(world) {
  for (const machine of world.machines.values()) {
    const during = page.charts[machine.key]?.session?.during;
    if (during && machine.isActive(during)) return true;
  }
  return false;
}
async function offered(offer) {
  const fields = Object.entries(offer.fields || {}).filter(([, one]) => !(one.most === 1));
  const careful = offer.ends && inSession(page.timeline.now);
  let given = {};
  if (fields.length || careful) {
    given = await askFor(called(offer), careful ? t("confirm") : said(offer.text || ""), fields);
    if (given === null) return;
  }
  for (const [name, one] of Object.entries(offer.fields || {})) if (one.most === 1) given[name] = 1;
  try {
    await ask("api/event", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ event: offer.event, ...given }) });
    toast(t("done", called(offer)));
  } catch (error) { toast(`${called(offer)}: ${said(error.message)}`, true); }
}
/** What the fields are given, or null: it is not to be done. */
function askFor(head, text, fields) {
  const dialog = byId("ask"), place = byId("ask-fields");
  byId("ask-h").textContent = head; byId("ask-text").textContent = text;
  place.replaceChildren(...fields.map(([name, one]) => {
    const id = `field-${name}`;
    const input = one.choices ? el("select", { id, name }, ...one.choices.map((value) => el("option", { value }, word("controls", value))))
      : one.type === "boolean" ? el("input", { id, name, type: "checkbox" })
      : el("input", { id, name, type: one.type === "string" ? "text" : "number", step: one.type === "number" ? "any" : "1", min: one.least, max: one.most, value: one.least, required: !one.optional && one.type !== "string", autocomplete: "off" });
    return el("label", { for: id }, el("span", {}, one.unit ? `${word("controls", name)} (${one.unit})` : word("controls", name)), input);
  }));
  return new Promise((resolve) => {
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return resolve(null);
      const given = {};
      for (const [name, one] of fields) {
        const input = place.querySelector(`#field-${CSS.escape(name)}`);
        if (one.type === "boolean") given[name] = input.checked;
        else if (input.value === "" && (one.optional || one.type !== "string")) continue;
        else given[name] = one.choices || one.type === "string" ? input.value : Number(input.value);
      }
      resolve(given);
    };
    dialog.returnValue = "no";
    dialog.showModal();
  });
}
let toasts;
function toast(text, bad) {
  const one = byId("toast");
  one.textContent = text; one.className = bad ? "shown bad" : "shown";
  clearTimeout(toasts);
  toasts = setTimeout(() => { one.className = ""; }, bad ? 8000 : 2500);
}

// ---------------------------------------------------------------- buttons and keys

function bind() {
  drawing = new Drawing(byId("drawing"), (name) => {
    const found = [...page.timeline.now.machines.values()].find((one) => one.chart === name);
    if (found) choose(found.path);
  }, (n) => turn(n, false));
  byId("slider").addEventListener("input", (event) => { moveTo(Number(event.target.value)); lookBack(); });
  byId("now").addEventListener("click", () => moveTo(null));
  byId("back").addEventListener("click", () => { moveTo((page.moment ?? page.timeline.next) - 1); lookBack(); });
  byId("on").addEventListener("click", () => moveTo((page.moment ?? page.timeline.next) + 1));
  byId("play").addEventListener("click", play);
  byId("as-tree").addEventListener("click", () => { page.tree = true; view(true); });
  byId("as-drawing").addEventListener("click", () => { page.tree = false; view(false); if (page.sheets.length) turn(page.sheet, page.follow); });
  byId("zoom").addEventListener("click", (event) => {
    const by = event.target.dataset.zoom;
    if (by === "fit") drawing.fit(); else if (by) drawing.scale(by === "in" ? 1.25 : 0.8);
  });
  byId("search").addEventListener("input", (event) => find(event.target.value));
  Settings.bind();
  byId("language").addEventListener("click", speak);
  byId("result").addEventListener("click", () => byId("tab-results").click());
  byId("ask-no").addEventListener("click", () => byId("ask").close("no"));
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (one, focus) => {
    for (const other of tabs) { other.setAttribute("aria-selected", String(other === one)); other.tabIndex = other === one ? 0 : -1; }
    byId("pane").setAttribute("aria-labelledby", one.id);
    page.tab = one.id.slice(4); page.dirty = true;
    if (focus) one.focus();
  };
  tabs.forEach((one, n) => {
    one.addEventListener("click", () => select(one));
    one.addEventListener("keydown", (event) => {
      const to = { ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to !== undefined) { select(tabs[(to + tabs.length) % tabs.length], true); event.preventDefault(); }
    });
  });
}

begin().catch((error) => { toast(error.message, true); page.live = true; lost(); });
