"use strict";
// The configuration of the station: every key with type, help and origin; what is changed is checked there and kept.

const Settings = {
  told: null, fields: new Map(),

  async open() {
    const dialog = byId("settings");
    try {
      Settings.told = await ask("api/config");
      if (LANGUAGE !== "en") WORDS.help ??= (await ask(`api/words/${LANGUAGE}/help`)).help;
    } catch (error) { toast(said(error.message), true); return; }
    Settings.build();
    say("settings-wrong", "");
    byId("settings-find").value = "";
    Settings.find("");
    Settings.enable();
    dialog.showModal();
  },

  build() {
    const { told } = Settings, groups = new Map();
    Settings.fields.clear();
    for (const key of told.keys) {
      const at = key.key.lastIndexOf("."), group = at < 0 ? "" : key.key.slice(0, at);
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(Settings.row(key, key.key.slice(at + 1)));
    }
    byId("settings-file").textContent = told.file ? t(told.pending ? "settingsPending" : "settingsFile", told.file) : t("settingsNoFile");
    byId("settings-keys").replaceChildren(...[...groups].map(([name, rows]) => el("details", { "data-group": name },
      el("summary", {}, el("b", { translate: name ? "no" : null }, name || said(page.header.title || page.main)), el("span", { class: "quiet" }, ` ${rows.length}`)), ...rows)));
  },

  row(key, name) {
    const id = `key-${key.key}`, value = key.kept ?? key.value ?? "", locked = key.fixed || !Settings.told.file;
    const choices = key.choices || (key.kind === "bool" ? ["true", "false"] : null);
    const input = choices ? el("select", { id, translate: "no" }, ...(choices.includes(value) ? choices : [value, ...choices]).map((one) => el("option", { value: one, selected: one === value }, one || "–")))
      : el("input", { id, type: key.secret ? "password" : "text", value, autocomplete: "off", spellcheck: "false", placeholder: key.secret ? "•••" : key.optional ? t("none") : "" });
    input.disabled = locked;
    input.setAttribute("aria-describedby", `${id}-help ${id}-wrong`);
    const wrong = el("p", { class: "bad", id: `${id}-wrong`, role: "alert" });
    const back = key.kept === undefined || locked ? "" : el("button", { type: "button", onclick: () => { field.back = !field.back; back.setAttribute("aria-pressed", String(field.back)); input.disabled = field.back; Settings.enable(); }, "aria-pressed": "false" }, t("takeBack"));
    const range = key.least !== undefined || key.most !== undefined ? ` ${key.least ?? ""} … ${key.most ?? ""}` : "";
    const help = Settings.help(key);
    const row = el("div", { class: "key", "data-key": key.key }, el("label", { for: id, translate: "no" }, name), el("span", { class: "given" }, input, back),
      el("p", { class: "quiet", id: `${id}-help` }, help ? el("span", tongue(key.help, help), `${help} `) : "", el("small", {}, `${Settings.type(key.type)}${key.unit && !key.type.includes(key.unit) ? ` ${key.unit}` : ""}${range} · ${t(key.fixed ? "fixedBy" : "from", said(key.origin))}`)), wrong);
    const field = { key, input, wrong, row, first: value, back: false };
    input.addEventListener("input", () => { wrong.textContent = ""; Settings.enable(); });
    Settings.fields.set(key.key, field);
    return row;
  },

  help: (key) => WORDS.help?.[key.help] ?? key.help,
  /** `list of enum(plc, ethernet)` in words. */
  type: (text) => text.replace(/^(list of )?(\w+)/, (_, list, one) => (list ? `${t("listOf")} ` : "") + t(`type ${one}`)).replace(/\?$/, ` ${t("orNone")}`),

  changed() {
    const values = {};
    for (const [name, one] of Settings.fields) {
      if (one.back) values[name] = null;
      else if (one.input.value !== one.first) values[name] = one.input.value === "" && one.key.optional ? "none" : one.input.value;
    }
    return values;
  },

  find(text) {
    const wanted = text.trim().toLowerCase();
    for (const group of byId("settings-keys").children) {
      let shown = 0;
      for (const row of group.querySelectorAll(".key")) {
        const { key } = Settings.fields.get(row.dataset.key);
        row.hidden = Boolean(wanted) && !`${key.key} ${Settings.help(key)}`.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      group.hidden = !shown;
      group.open = wanted ? shown > 0 : group.dataset.group === "" || [...group.querySelectorAll(".key")].some((row) => Settings.fields.get(row.dataset.key).key.kept !== undefined);
    }
  },

  /** What can be pressed now, and why not. */
  enable() {
    const session = inSession(page.timeline.now), gone = page.alive !== "live", byHand = Settings.told?.restart === "by hand";
    byId("settings-save").disabled = gone || !Object.keys(Settings.changed()).length;
    byId("restart").disabled = gone || session || byHand;
    say("restart-why", gone ? t("notNow") : byHand ? t("restartByHand") : session ? t("restartSession") : "");
    say("save-when", session && !byHand ? t("saveSession") : "");
  },

  async save() {
    const values = Settings.changed();
    say("settings-wrong", "");
    for (const one of Settings.fields.values()) one.wrong.textContent = "";
    let told;
    try { told = await ask("api/config", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ values }) }); } catch (error) { Settings.refused(error.message, Object.keys(values)); return; }
    byId("settings").close();
    toast(t({ now: "savedNow", "after the session": "savedLater", "by hand": "savedByHand" }[told.restart] || "savedSame"));
  },

  /** The reason stands beside the field that it names, of several the one with the longest name; else below them all. */
  refused(why, names) {
    const last = (name) => name.slice(name.lastIndexOf(".") + 1);
    const named = names.filter((name) => why.includes(name) || new RegExp(`\\b${last(name)}\\b`).test(why)).sort((a, b) => why.includes(b) - why.includes(a) || b.length - a.length)[0] ?? (names.length === 1 ? names[0] : undefined);
    if (named === undefined) { say("settings-wrong", `✗ ${said(why)}`); return; }
    const { row, input, wrong } = Settings.fields.get(named);
    row.hidden = false; row.parentNode.hidden = false; row.parentNode.open = true;
    wrong.textContent = `✗ ${said(why)}`;
    input.focus();
    row.scrollIntoView({ block: "center" });
  },

  async restart() {
    if ((await askFor(t("restart"), t("confirmRestart"), [])) === null) return;
    try {
      await ask("api/restart", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"confirm": true}' });
      byId("settings").close();
      toast(t("savedNow"));
    } catch (error) { say("settings-wrong", `✗ ${said(error.message)}`); }
  },

  bind() {
    byId("configure").addEventListener("click", Settings.open);
    byId("settings-find").addEventListener("input", (event) => Settings.find(event.target.value));
    byId("settings-save").addEventListener("click", Settings.save);
    byId("settings-close").addEventListener("click", () => byId("settings").close());
    byId("restart").addEventListener("click", Settings.restart);
  },
};
