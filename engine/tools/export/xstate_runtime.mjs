// Runs what `engine export --to xstate` writes, with XState v5: gives its guards, actions and delays their meaning.
//
//   import { machine } from "./xstate_runtime.mjs";
//   const logic = machine(JSON.parse(text), { setup, raise, sendTo, sendParent, cancel, assign, stateIn, enqueueActions }, host);
//   createActor(logic, { input: { TT_match_join: 5_000_000_000 } }).start();
//
// The second argument is the module "xstate". `host` may have order(role, action, arguments), read(role, name) and log(text).

/** The value of an expression tree. `scope` is { context, event, self, host }; `check` tests a state's id. */
export function value(expr, scope) {
  if (!Array.isArray(expr)) return expr;
  const [op, ...rest] = expr;
  const of = (e) => value(e, scope);
  const number = (v) => {
    if (typeof v !== "number" || !Number.isFinite(v)) throw new TypeError(`${op} needs numbers, not ${v}`);
    return v;
  };
  const divisor = (v) => {
    if (number(v) === 0) throw new RangeError("division by zero");
    return v;
  };
  switch (op) {
    case "data": return scope.context[rest[0]];
    case "event": return scope.event?.data?.[rest[0]] ?? scope.event?.output?.[rest[0]] ?? null;
    case "read": return scope.host.read(rest[0], rest[1]);
    case "active": return scope.check(rest[0].slice(1));
    case "not": return !of(rest[0]);
    case "negative": return -number(of(rest[0]));
    case "and": return rest.every((e) => of(e) === true);
    case "or": return rest.some((e) => of(e) === true);
    case "if": return of(rest[0]) ? of(rest[1]) : of(rest[2]);
    case "list": return rest.map(of);
    case "item": {
      const [list, index] = rest.map(of);
      if (!(index in list)) throw new RangeError(`no item ${index}`);
      return list[index];
    }
  }
  const args = rest.map(of);
  const [a, b] = args;
  switch (op) {
    case "+": return typeof a === "number" ? number(a) + number(b) : Array.isArray(a) ? [...a, ...b] : a + b;
    case "-": return number(a) - number(b);
    case "*": return number(a) * number(b);
    case "/": return number(a) / divisor(b);
    case "//": return Math.floor(number(a) / divisor(b));
    case "%": return number(a) - divisor(b) * Math.floor(a / b);
    case "==": return equal(a, b);
    case "!=": return !equal(a, b);
    case "<": return a < b;
    case "<=": return a <= b;
    case ">": return a > b;
    case ">=": return a >= b;
    case "in": return Array.isArray(b) ? b.some((x) => equal(a, x)) : b.includes(a);
    case "not in": return !(Array.isArray(b) ? b.some((x) => equal(a, x)) : b.includes(a));
    case "min": return Math.min(...(Array.isArray(a) ? a : args));
    case "max": return Math.max(...(Array.isArray(a) ? a : args));
    case "abs": return Math.abs(number(a));
    case "round": return roundHalfEven(number(a));
    case "floor": return Math.floor(number(a));
    case "ceil": return Math.ceil(number(a));
    case "len": return a.length;
    case "clamp": return Math.max(b, Math.min(a, args[2]));
    case "int": return Math.trunc(Number(a));
    case "float": return Number(a);
    case "str": return String(a);
    case "bool": return Boolean(a);
    case "startswith": return a.startsWith(b);
  }
  throw new TypeError(`unknown operator ${op}`);
}

function equal(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => equal(x, b[i]));
  return a === b;
}

function roundHalfEven(x) {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/** The machine logic of an exported configuration. */
export function machine(config, xstate, host = {}) {
  const own = config.meta.chargechart;
  const world = { order() {}, log() {}, read(role, name) { throw new Error(`read ${role}.${name}`); }, ...host };
  const active = (self) => (id) => {
    const snapshot = self?.getSnapshot?.();
    return Boolean(snapshot?._nodes?.some((node) => node.id === id));
  };
  const scope = ({ context, event, self }, check) => ({ context, event, host: world, check: check ?? active(self) });
  const fields = (map, s) => Object.fromEntries(Object.entries(map ?? {}).map(([k, v]) => [k, value(v, s)]));
  const milliseconds = (ns) => ns / 1e6;

  function perform(actions, s, enqueue) {
    for (const { type, params: p } of actions) {
      const now = () => s();
      switch (type) {
        case "assign": {
          const result = value(p.value ?? null, now());
          now().context[p.name] = result;
          enqueue.assign({ [p.name]: result });
          break;
        }
        case "raise": enqueue.raise({ type: p.event, data: fields(p.data, now()) }); break;
        case "send": {
          const event = { type: p.event, data: fields(p.data, now()) };
          const options = { id: p.id, delay: p.delay === undefined ? 0 : milliseconds(value(p.delay, now())) };
          if (p.to === "self") enqueue.sendTo(({ self }) => self, event, options);
          else if (p.to === "parent") {
            const { self } = now(); // a parent knows its children's events as <id>.<event>
            if (self?._parent) enqueue.sendParent({ ...event, type: `${self.id}.${event.type}` }, options);
          }
          else enqueue.sendTo(p.to, event, options);
          break;
        }
        case "cancel": enqueue.cancel(value(p.id, now())); break;
        case "log": world.log(p.parts.map((part) => value(part, now())).join("")); break;
        case "order": world.order(p.role, p.action, fields(p.arguments, now())); break;
        case "choose": {
          const branch = p.branches.find((b) => b.guard === null || value(b.guard, now()) === true);
          if (branch) perform(branch.actions, s, enqueue);
          break;
        }
      }
    }
  }
  const one = (type) =>
    xstate.enqueueActions(({ context, event, self, enqueue }, params) => {
      const local = { ...context };
      perform([{ type, params }], () => ({ context: local, event, self, host: world, check: active(self) }), enqueue);
    });

  const setup = xstate.setup({
    guards: {
      check: (args, params) => value(params.expr, scope(args)) === true,
    },
    actions: Object.fromEntries(
      ["assign", "raise", "send", "cancel", "log", "order", "choose"].map((type) => [type, one(type)]),
    ),
    delays: Object.fromEntries(
      Object.entries(own.delays).map(([id, expr]) => [id, (args) => milliseconds(value(expr, scope(args)))]),
    ),
    actors: Object.fromEntries(Object.entries(own.charts).map(([name, c]) => [name, machine(c, xstate, host)])),
  });
  const initial = ({ input }) => {
    const context = {};
    for (const [name, expr] of Object.entries(own.initial)) {
      const given = own.parameters.includes(name) && input && name in input;
      context[name] = given ? input[name] : value(expr, { context, event: null, host: world, check: () => false });
    }
    return context;
  };
  const filled = JSON.parse(JSON.stringify(config), (key, item) => {
    if (item && typeof item === "object" && item.$fields) return (args) => fields(item.$fields, scope(args));
    return item;
  });
  return setup.createMachine({ ...filled, context: initial });
}
