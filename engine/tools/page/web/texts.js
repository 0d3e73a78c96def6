"use strict";
// The words of the page. What charts say is in English; its words in the reader's language come from the station.
const TEXTS = {
  skip: "Skip to the state chart", stages: "Stages", values: "Values", outlets: "Side by side", controls: "Controls",
  more: "More events", machines: "Machines", sheets: "Sheets", search: "Find a state", view: "View", drawing: "Drawing",
  tree: "Tree", zoom: "Zoom", smaller: "Smaller", larger: "Larger", fit: "Fit", why: "Why", data: "Data",
  activity: "What happens", messages: "Messages", steps: "Steps", log: "Log", results: "Results", travel: "Through time",
  back: "One step back", play: "Play", on: "One step on", moment: "Moment", live: "Live", cancel: "Cancel", do: "Do it",
  configuration: "Configuration", findKey: "Find a key", save: "Save", close: "Close", takeBack: "As before", from: "from {0}", fixedBy: "set by {0}, which wins",
  settingsFile: "What is changed here is kept in {0}.", settingsPending: "{0} has changes that wait for a restart.",
  settingsNoFile: "There is no station file to keep changes beside: nothing can be changed here.", notNow: "The station does not answer now.",
  restartSession: "A session is going on: not before it has ended.", restartByHand: "This run does not begin anew by itself.",
  saveSession: "Takes effect when the session has ended.", savedNow: "The station begins anew.", savedLater: "Kept: the station begins anew when the session has ended.",
  savedByHand: "Kept: it counts from the next start.", savedSame: "Kept: nothing changes.",
  language: "Language", restart: "Restart", real: "real clock", virtual: "virtual clock", connected: "live", lost: "connection lost, {0} old",
  over: "has ended", trace: "trace", past: "looking back", step: "{0} of {1}", last: "Last step", because: "because of",
  guard: "guard", took: "took", waits: "Waits for", timers: "Timers", none: "nothing", start: "start of the machine",
  stop: "ended from outside", nothing: "No step yet", ended: "ended", arguments: "Arguments of active states",
  readings: "Readings", parameters: "Parameters", nothingYet: "Nothing yet", good: "ended well", bad: "failed", empty: "ended without energy",
  session: "Session {0}", noDrawing: "There is no drawing of this chart here; this is its tree of states.",
  waitDrawing: "The drawing is being made …", sheet: "Sheet {0}", unhandled: "nobody handles it", failed: "failed",
  confirm: "A session is going on. This may end it.", confirmRestart: "The station ends in order and starts anew.",
  done: "{0}: done", gone: "This machine has ended.", due: "due", left: "left", events: "Events", onlyNow: "only in the present",
  "type enum": "enum", "type duration": "duration", "type string": "string", "type int": "int", "type float": "float",
  "type bool": "bool", "type bytes": "bytes", listOf: "list of", orNone: "or nothing",
  wanted: "of {0}", repeats: "{0}×", always: "at once", inStates: "Active states", unitRow: "Unit",
};
const LANGUAGES = ["en", "de"]; // another one than English is loaded when it is wanted: de.json has the same names
function chosen() { try { return localStorage.getItem("language"); } catch { return null; } } // a file may have no store
const LANGUAGE = [chosen(), ...(navigator.languages || [])].map((one) => one?.slice(0, 2)).find((one) => LANGUAGES.includes(one)) || "en";
/** The page in the next language, from now on. */
function speak() {
  try { localStorage.setItem("language", LANGUAGES[(LANGUAGES.indexOf(LANGUAGE) + 1) % LANGUAGES.length]); } catch { return; }
  location.reload();
}

let OWN = {}; // this page's words in another language than English
let WORDS = {}; // the station's words, by kind: what people read in place of a name or a text
let PATTERNS = []; // of those with `{0}`: `[expression, text]`
const HEARD = new Map();
/** All of the language, from where `ask` has it. */
async function learn(own, words) {
  [OWN, WORDS] = await Promise.all([own, words]);
  PATTERNS = Object.entries(WORDS.texts || {}).filter(([key]) => key.includes("{0}")).map(([key, text]) => [new RegExp(`^${key.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\d\}/g, "(.+?)")}$`), text]);
}
const filled = (text, given) => text.replace(/\{(\d)\}/g, (_, n) => given[n]);

/** The text of a name, with `{0}`, `{1}` filled in. */
const t = (name, ...given) => filled(OWN[name] ?? TEXTS[name] ?? name, given);

/** What people read in place of a name, as the station's own words have it; `Vehicle 1` by `Vehicle`. */
const wordOf = (kind, name) => WORDS[kind]?.[name];
function word(kind, name) {
  const [, stem, number] = /^(.*?) ?(\d+)$/.exec(name) || [], of = stem && wordOf(kind, stem);
  return wordOf(kind, name) ?? (of ? `${of} ${number}` : name.replaceAll("_", " "));
}
/** A title or a reason: as the station's words have it, else by its parts, `insulation monitor: GroundFailure`. */
function said(text) {
  if (HEARD.size > 2000) HEARD.clear();
  if (!HEARD.has(text)) HEARD.set(text, meaning(text));
  return HEARD.get(text);
}
function meaning(text) {
  const known = wordOf("texts", text) ?? wordOf("controls", text);
  if (known !== undefined) return known;
  for (const [pattern, of] of PATTERNS) {
    const found = pattern.exec(text);
    if (found) return filled(of, found.slice(1).map(said));
  }
  for (const sign of ["; ", ": "]) if (text.includes(sign)) return text.split(sign).map(said).join(sign);
  return text;
}
/** For an element that says a text: what is not in the catalogue is English. */
const tongue = (text, told = said(text)) => (LANGUAGE !== "en" && told === text && / /.test(text) ? { lang: "en" } : {});
/** An event's name as `[whose, what]`: `outlet1.button.stop_pressed` is the outlet's. */
function parted(name) {
  const [head, ...rest] = name.split("."), inner = rest.join(".");
  return !wordOf("controls", name) && wordOf("controls", inner) ? [head, inner] : ["", name];
}

/** Puts the texts into the page. */
function translate() {
  document.documentElement.lang = LANGUAGE;
  const other = document.getElementById("language");
  other.textContent = LANGUAGE.toUpperCase();
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  for (const one of document.querySelectorAll("[data-t-label]")) {
    one.setAttribute("aria-label", t(one.dataset.tLabel));
    if (one.tagName === "BUTTON") one.title = t(one.dataset.tLabel);
    if (one === other) one.setAttribute("aria-label", `${t("language")}: ${one.textContent}`);
  }
  for (const one of document.querySelectorAll("[data-t-hint]")) one.placeholder = t(one.dataset.tHint);
}
