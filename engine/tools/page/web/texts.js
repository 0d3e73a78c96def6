"use strict";
// The words of the page. What charts say is in their own language.
const TEXTS = {
  en: {
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
    wanted: "of {0}", repeats: "{0}×", always: "at once", inStates: "Active states", unitRow: "Unit",
  },
  de: {
    skip: "Zum Zustandsdiagramm", stages: "Abschnitte", values: "Werte", outlets: "Nebeneinander", controls: "Bedienung",
    more: "Weitere Ereignisse", machines: "Automaten", sheets: "Blätter", search: "Zustand suchen", view: "Ansicht",
    drawing: "Zeichnung", tree: "Baum", zoom: "Größe", smaller: "Kleiner", larger: "Größer", fit: "Einpassen", why: "Warum",
    data: "Daten", activity: "Was geschieht", messages: "Nachrichten", steps: "Schritte", log: "Protokoll",
    results: "Ergebnisse", travel: "Durch die Zeit", back: "Einen Schritt zurück", play: "Abspielen",
    on: "Einen Schritt weiter", moment: "Zeitpunkt", live: "Jetzt", cancel: "Abbrechen", do: "Ausführen",
    configuration: "Einstellungen", findKey: "Schlüssel suchen", save: "Speichern", close: "Schließen", takeBack: "Wie zuvor", from: "aus {0}", fixedBy: "gesetzt durch {0}, das gilt",
    settingsFile: "Was hier geändert wird, steht dann in {0}.", settingsPending: "{0} hat Änderungen, die auf einen Neustart warten.",
    settingsNoFile: "Es gibt keine Stationsdatei, neben der Änderungen stehen könnten: hier ist nichts zu ändern.", notNow: "Die Station antwortet gerade nicht.",
    restartSession: "Eine Sitzung läuft: erst wenn sie beendet ist.", restartByHand: "Dieser Lauf beginnt nicht von selbst neu.",
    saveSession: "Gilt, sobald die Sitzung beendet ist.", savedNow: "Die Station beginnt neu.", savedLater: "Gespeichert: die Station beginnt neu, sobald die Sitzung beendet ist.",
    savedByHand: "Gespeichert: es gilt ab dem nächsten Start.", savedSame: "Gespeichert: nichts ändert sich.",
    language: "Sprache", restart: "Neustart", real: "wirkliche Zeit", virtual: "gedachte Zeit", connected: "verbunden",
    lost: "Verbindung verloren, {0} alt", over: "ist beendet", trace: "Aufzeichnung", past: "Rückschau", step: "{0} von {1}",
    last: "Letzter Schritt", because: "wegen", guard: "Bedingung", took: "Übergang", waits: "Wartet auf", timers: "Uhren",
    none: "nichts", start: "Beginn des Automaten", stop: "von außen beendet", nothing: "Noch kein Schritt", ended: "beendet",
    arguments: "Angaben aktiver Zustände", readings: "Messwerte", parameters: "Parameter", nothingYet: "Noch nichts",
    good: "gut beendet", bad: "fehlgeschlagen", empty: "ohne Energie beendet", session: "Sitzung {0}",
    noDrawing: "Von diesem Automaten gibt es hier keine Zeichnung; dies sind seine Zustände.",
    waitDrawing: "Die Zeichnung wird gemacht …", sheet: "Blatt {0}", unhandled: "niemand nimmt es an", failed: "fehlgeschlagen",
    confirm: "Eine Sitzung läuft. Dies kann sie beenden.", confirmRestart: "Die Station endet geordnet und beginnt neu.",
    done: "{0}: getan", gone: "Dieser Automat ist beendet.", due: "fällig", left: "übrig", events: "Ereignisse",
    onlyNow: "nur in der Gegenwart", wanted: "von {0}", repeats: "{0}×", always: "sofort", inStates: "Aktive Zustände", unitRow: "Einheit",
  },
};
function chosen() { try { return localStorage.getItem("language"); } catch { return null; } } // a file may have no store
const LANGUAGE = [chosen(), ...(navigator.languages || [])].map((one) => one?.slice(0, 2)).find((one) => one in TEXTS) || "en";
/** The page in the next language, from now on. */
function speak() {
  const all = Object.keys(TEXTS);
  try { localStorage.setItem("language", all[(all.indexOf(LANGUAGE) + 1) % all.length]); } catch { return; }
  location.reload();
}

/** The text of a name, with `{0}`, `{1}` filled in. */
function t(name, ...given) {
  const text = TEXTS[LANGUAGE][name] ?? TEXTS.en[name] ?? name;
  return text.replace(/\{(\d)\}/g, (_, n) => given[n]);
}

/** What people read in place of a name, as the station's own words have it; `Vehicle 1` by `Vehicle`. */
let WORDS = {};
const wordOf = (kind, name) => WORDS[LANGUAGE]?.[kind]?.[name] ?? WORDS.en?.[kind]?.[name];
function word(kind, name) {
  const [, stem, number] = /^(.*?) ?(\d+)$/.exec(name) || [], of = stem && wordOf(kind, stem);
  return wordOf(kind, name) ?? (of ? `${of} ${number}` : name.replaceAll("_", " "));
}
/** A title or a reason: as the station's words have it, else by its parts, `insulation monitor: GroundFailure`. */
function said(text) {
  return wordOf("texts", text) ?? text.split(": ").map((part) => wordOf("texts", part) ?? wordOf("controls", part) ?? part).join(": ");
}
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
