/** Orders that move along the lines, because a service said that they did.
 *
 *  A report comes up to half a second after the fact, and a dot takes a while for its way. The
 *  dots of one order wait for each other, so that each is seen to arrive before it goes on. */

import { svg } from "./dom.js";

/** No more dots than these at once; who sees them is told what part of all orders they are. */
const MOST = 60;
const MS = 620;
const RADIUS = 5;
/** Of so many orders it is remembered where they were, to send the next dot after the last. */
const REMEMBERED = 2000;

/** The lines that a reported step leads along. */
const WAYS = {
  placed: () => ["order"],
  published: (_service, services) => ["outbox", ...services.map((name) => `in:${name}`)],
  working: (service) => [`work:${service}`],
  applied: (service) => [`work:${service}`, `done:${service}`],
  called: (service) => [`done:${service}`],
  retried: (service) => [`retry:${service}`],
  dead_lettered: (service) => [`dead:${service}`],
};

export class Dots {
  constructor(layer) {
    this.layer = layer;
    this.wires = new Map();
    this.moving = [];
    this.busyUntil = new Map();
    this.worked = new Set();
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** Start the moves of one snapshot, spread over the time until the next. */
  start(moves, services) {
    if (this.still.matches || document.hidden) return;
    if (this.busyUntil.size > REMEMBERED) {
      this.busyUntil.clear();
      this.worked.clear();
    }
    moves.forEach((move, index) => this.startOne(move, services, (index / moves.length) * 400));
  }

  startOne(move, services, delay) {
    let ways = WAYS[move.step]?.(move.service, services) ?? [];
    const key = `${move.orderId} ${move.service}`;
    // Whoever was seen to begin need not go there a second time to end.
    if (move.step === "working") this.worked.add(key);
    if (move.step === "applied" && this.worked.delete(key)) ways = ways.slice(1);
    if (this.moving.length + ways.length > MOST) return;
    const now = performance.now();
    const published = this.busyUntil.get(move.orderId) ?? 0;
    let from = Math.max(now + delay, published, this.busyUntil.get(key) ?? 0);
    if (move.step === "published") {
      this.add("outbox", from, move.step);
      for (const way of ways.slice(1)) this.add(way, from + MS, move.step);
      this.busyUntil.set(move.orderId, from + 2 * MS);
    } else {
      for (const way of ways) {
        this.add(way, from, way.startsWith("done") ? "applied" : move.step);
        from += MS;
      }
      this.busyUntil.set(move.service ? key : move.orderId, from);
    }
    this.run();
  }

  add(way, from, kind) {
    this.moving.push({
      way,
      from,
      circle: svg("circle", { r: RADIUS, class: kind, visibility: "hidden" }),
    });
  }

  run() {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  draw(now) {
    this.frame = null;
    this.moving = this.moving.filter((dot) => this.place(dot, now));
    if (this.moving.length) this.run();
  }

  /** False once it has arrived. */
  place(dot, now) {
    const part = (now - dot.from) / MS;
    const wire = this.wires.get(dot.way);
    if (part >= 1 || !wire) {
      dot.circle.remove();
      return false;
    }
    if (part < 0) return true;
    if (!dot.circle.isConnected) this.layer.append(dot.circle);
    const eased = part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2;
    const { x, y } = wire.at(eased);
    dot.circle.setAttribute("transform", `translate(${x} ${y})`);
    dot.circle.setAttribute("visibility", "visible");
    return true;
  }

  stop() {
    for (const dot of this.moving) dot.circle.remove();
    this.moving = [];
  }
}
