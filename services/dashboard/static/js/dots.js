/** Dots that represent orders and move along the lines as the services report their steps.
 *
 *  Reports arrive up to half a second late, and each move takes a while. The moves of one order
 *  are queued, so that every dot arrives before the next one starts. */

import { svg } from "./dom.js";

/** Maximum number of dots at once; the legend shows that they are a sample. */
const MOST = 60;
const MS = 620;
const RADIUS = 5;
/** Number of orders whose last move is remembered, so that the next one can follow it. */
const REMEMBERED = 2000;

/** The lines along which a reported step moves. */
const LINES = {
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

  /** Starts the moves of one snapshot, spread over the time until the next. */
  start(moves, services) {
    if (this.still.matches || document.hidden) return;
    if (this.busyUntil.size > REMEMBERED) {
      this.busyUntil.clear();
      this.worked.clear();
    }
    moves.forEach((move, index) => this.startOne(move, services, (index / moves.length) * 400));
  }

  startOne(move, services, delay) {
    let lines = LINES[move.step]?.(move.service, services) ?? [];
    const key = `${move.orderId} ${move.service}`;
    // If its dot has already moved to the service, skip that line.
    if (move.step === "working") this.worked.add(key);
    if (move.step === "applied" && this.worked.delete(key)) lines = lines.slice(1);
    if (this.moving.length + lines.length > MOST) return;
    const now = performance.now();
    const published = this.busyUntil.get(move.orderId) ?? 0;
    let from = Math.max(now + delay, published, this.busyUntil.get(key) ?? 0);
    if (move.step === "published") {
      this.add("outbox", from, move.step);
      for (const line of lines.slice(1)) this.add(line, from + MS, move.step);
      this.busyUntil.set(move.orderId, from + 2 * MS);
    } else {
      for (const line of lines) {
        this.add(line, from, line.startsWith("done") ? "applied" : move.step);
        from += MS;
      }
      this.busyUntil.set(move.service ? key : move.orderId, from);
    }
    this.run();
  }

  add(line, from, kind) {
    this.moving.push({
      line,
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

  /** Positions a dot; false once it has arrived. */
  place(dot, now) {
    const part = (now - dot.from) / MS;
    const wire = this.wires.get(dot.line);
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
