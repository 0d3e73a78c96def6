"use strict";
// A chart's drawing with its active states lit, in a shadow tree: the drawing's own style touches nothing else.

const READABLE = 3.4; // pixels for a millimetre of the sheet

const INK = `
:host{display:block}
svg{display:block;margin:auto;transition:none}
text{font-family:inherit;stroke:none}
rect.box,rect.box-main,rect.box-aside,rect.mm-box{fill:var(--paper)}
rect.composite,rect.composite-main,rect.plate{fill:var(--paper-2)}
rect.region,rect.plate-region{fill:var(--paper-3)}
rect.panel,rect.panel-note{fill:var(--paper-2);stroke:var(--line)}
rect.box,rect.composite,rect.region,rect.box-aside{stroke:var(--line-2)}
rect.box-main,rect.composite-main{stroke:var(--blue)}
path.edge{stroke:var(--line-2)}path.head{fill:var(--line-2)}
path.edge-main{stroke:var(--blue)}path.head-main{fill:var(--blue)}
path.edge-aside{stroke:var(--line-2)}path.head-aside{fill:var(--line-2)}
path.rule{stroke:var(--line)}.dot{fill:var(--ink)}
.t-title,.t-heading,.t-event{fill:var(--ink)}.t-text{fill:var(--ink)}.t-note,.t-keyword{fill:var(--ink-2)}
.t-timer{fill:var(--brown)}.t-guard{fill:var(--blue)}
.node.on>rect,.node.on>a>rect,.node.on>g:not([class])>rect{stroke:var(--on);stroke-width:2.6;fill:var(--on-2)}
.node.on.leaf>rect,.node.on.leaf>a>rect{fill:var(--on-3);stroke-width:3.2}
.node.on.leaf text{fill:var(--on-ink)}
.node.found>rect,.node.found>a>rect{stroke:var(--brown);stroke-width:4}
.taken path[class^=edge],path.taken[class^=edge]{stroke:var(--taken);stroke-width:3}
.taken path[class^=head],path.taken[class^=head]{fill:var(--taken)}
.taken text,text.taken{fill:var(--taken);font-weight:bold}
.node.on.leaf .taken text,.node.on.leaf text.taken{fill:var(--on-ink);text-decoration:underline}
@media (prefers-reduced-motion:no-preference){.fresh>rect{animation:lit .6s ease-out}@keyframes lit{from{fill:var(--on)}}}
a:focus-visible rect,[tabindex]:focus-visible rect{stroke:var(--focus);stroke-width:3}
`;

class Drawing {
  /** `follows(name)` is called for a link to another chart's drawing, `sheet(number)` for one to another sheet. */
  constructor(host, follows, sheet) {
    this.host = host; this.follows = follows; this.onSheet = sheet;
    this.inner = document.createElement("div");
    host.append(this.inner);
    this.root = this.inner.attachShadow({ mode: "open" });
    this.zoom = 1; this.nodes = new Map(); this.ways = new Map(); this.svg = null;
    this.root.addEventListener("click", (event) => this.clicked(event));
    this.draggable();
    host.addEventListener("keydown", (event) => {
      if (event.target !== host || event.ctrlKey || event.metaKey) return;
      if (event.key === "+") this.scale(1.25); else if (event.key === "-") this.scale(0.8); else if (event.key === "0") this.fit(); else return;
      event.preventDefault();
    });
    host.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.scale(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    new ResizeObserver(() => this.svg && this.fitted && this.fit()).observe(host);
  }

  show(text) {
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const svg = document.importNode(parsed, true);
    for (const one of svg.querySelectorAll("script,foreignObject")) one.remove();
    for (const link of svg.querySelectorAll("a")) this.named(link, svg.dataset.chart);
    const style = document.createElement("style");
    style.textContent = INK;
    this.root.replaceChildren(svg, style);
    this.svg = svg; this.nodes = new Map(); this.ways = new Map(); this.lit = []; this.fitted = true;
    svg.setAttribute("role", "group");
    this.asides = [];
    for (const one of svg.querySelectorAll("[data-state]")) {
      if (one.id) this.nodes.set(one.dataset.state === "(root)" ? "" : one.dataset.state, one);
      else this.asides.push(one); // "also inside": what of a state is on another sheet
    }
    for (const one of svg.querySelectorAll("[data-transition]")) this.noted(one.dataset.transition, one);
    let box = null;
    for (const one of svg.querySelectorAll("g.chart")) {
      const own = one.getBBox(), m = one.getCTM(), base = svg.getCTM();
      if (!m || !base) continue;
      const k = m.a / base.a, x = (m.e - base.e) / base.a + own.x * k, y = (m.f - base.f) / base.d + own.y * k;
      const there = { x0: x, y0: y, x1: x + own.width * k, y1: y + own.height * k };
      box = box ? { x0: Math.min(box.x0, there.x0), y0: Math.min(box.y0, there.y0), x1: Math.max(box.x1, there.x1), y1: Math.max(box.y1, there.y1) } : there;
    }
    if (box) svg.setAttribute("viewBox", `${box.x0 - 2} ${box.y0 - 2} ${box.x1 - box.x0 + 4} ${box.y1 - box.y0 + 4}`);
    this.fit();
  }
  /** A link to a row of the printed tables leads nowhere here; one without words is called by where it leads. */
  named(link, own) {
    const href = link.getAttribute("href") || "", [, to, sheet] = /^([^/#]+?)\.(?:overview\.?(\d*)\.?svg|pdf)/.exec(href) || [];
    if (!to || (to === own && href.includes(".pdf"))) {
      const group = document.createElementNS(SVG, "g");
      group.append(...link.childNodes);
      link.replaceWith(group);
    } else if (!link.textContent.trim()) link.setAttribute("aria-label", to === own ? t("sheet", sheet || 1) : to);
  }
  noted(id, element) { if (!this.ways.has(id)) this.ways.set(id, []); this.ways.get(id).push(element); }

  /** Lights the active states, marks the transitions of the last step. `place`: what may be brought into view. */
  light(configuration, leaves, taken, entered, place) {
    if (!this.svg) return;
    const on = new Map(); // element -> whether nothing inside it is lit
    for (const state of configuration) if (this.nodes.has(state)) on.set(this.nodes.get(state), true);
    const shown = configuration.filter((one) => this.nodes.has(one));
    for (const state of shown) for (const other of shown) if (other !== state && other.startsWith(state ? state + "." : "")) { on.set(this.nodes.get(state), false); break; }
    for (const aside of this.asides) {
      const state = aside.dataset.state;
      const here = on.get(this.nodes.get(state)) === true && leaves.some((leaf) => leaf.startsWith(state + "."));
      if (here) { on.set(this.nodes.get(state), false); on.set(aside, true); }
    }
    for (const one of this.svg.querySelectorAll(".on")) if (!on.has(one)) one.classList.remove("on", "leaf", "fresh");
    this.fresh = null;
    const within = (one, states) => states.some((state) => state === one.dataset.state || state.startsWith(one.dataset.state + "."));
    let there = false;
    for (const [one, leaf] of on) {
      one.classList.add("on");
      one.classList.toggle("leaf", leaf);
      one.classList.toggle("fresh", leaf && within(one, entered));
      if (!leaf || there) continue;
      there = within(one, place);
      if (there || (!this.fresh && !one.classList.contains("closed"))) this.fresh = one;
    }
    for (const one of this.svg.querySelectorAll(".taken")) one.classList.remove("taken");
    for (const id of taken) for (const one of this.ways.get(id) || []) one.classList.add("taken");
  }
  /** What was entered last comes into view. */
  centre() {
    if (!this.fresh || this.host.matches(":hover, :focus")) return;
    const one = this.fresh.getBoundingClientRect(), host = this.host.getBoundingClientRect();
    if (one.top >= host.top && one.bottom <= host.bottom && one.left >= host.left && one.right <= host.right) return;
    this.host.scrollTo({
      left: this.host.scrollLeft + one.left - host.left - (host.width - one.width) / 2,
      top: this.host.scrollTop + one.top - host.top - (host.height - one.height) / 2,
    });
  }
  find(states) {
    for (const one of this.svg?.querySelectorAll(".found") || []) one.classList.remove("found");
    const found = states.map((id) => this.nodes.get(id)).filter(Boolean);
    for (const one of found) one.classList.add("found");
    found[0]?.scrollIntoView({ block: "center", inline: "center" });
  }
  fit() {
    if (!this.svg) return;
    const [, , width, height] = this.svg.getAttribute("viewBox").split(" ").map(Number);
    const room = this.host.clientWidth - 4, tall = Math.max(240, this.host.clientHeight - 4);
    this.zoom = Math.max(Math.min(room / width, tall / height), READABLE);
    this.fitted = true;
    this.sized();
  }
  scale(by) { this.zoom = Math.max(0.5, Math.min(20, this.zoom * by)); this.fitted = false; this.sized(); }
  sized() {
    const [, , width, height] = this.svg.getAttribute("viewBox").split(" ").map(Number);
    this.svg.setAttribute("width", (width * this.zoom).toFixed(0)); this.svg.setAttribute("height", (height * this.zoom).toFixed(0));
  }
  clicked(event) {
    const link = event.composedPath().find((one) => one.tagName === "a" || one.tagName === "A");
    if (!link) return;
    event.preventDefault();
    const href = link.getAttribute("href") || "";
    const match = /^([^/]+?)\.(?:overview|full)(?:\.(\d+))?\.svg/.exec(href);
    if (match && match[1] === this.svg.dataset.chart) this.onSheet(Number(match[2] || 1) - 1);
    else if (match || /^([^/]+?)\.pdf/.test(href)) this.follows(href.split(".")[0]);
  }
  draggable() {
    let from = null;
    this.host.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) from = { x: event.clientX, y: event.clientY, left: this.host.scrollLeft, top: this.host.scrollTop };
    });
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.host.scrollLeft = from.left - (event.clientX - from.x); this.host.scrollTop = from.top - (event.clientY - from.y);
    });
    window.addEventListener("pointerup", () => { from = null; });
  }
}
