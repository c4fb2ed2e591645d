/** The lines of the drawing, computed from the positions of its boxes. */

import { svg } from "./dom.js";

/** The position of a box, relative to the top left corner of the drawing. */
function box(element, frame) {
  const at = element.getBoundingClientRect();
  const x = at.left - frame.left;
  const y = at.top - frame.top;
  return {
    x,
    y,
    right: x + at.width,
    bottom: y + at.height,
    midX: x + at.width / 2,
    midY: y + at.height / 2,
  };
}

/** From one box to the next: to the right if there is room, otherwise down. */
function between(a, b) {
  if (b.x >= a.right) {
    const bend = (b.x - a.right) / 2;
    return `M${a.right},${a.midY} C${a.right + bend},${a.midY} ${b.x - bend},${b.midY} ${b.x},${b.midY}`;
  }
  const bend = Math.max(8, (b.y - a.bottom) / 2);
  return `M${a.midX},${a.bottom} C${a.midX},${a.bottom + bend} ${b.midX},${b.y - bend} ${b.midX},${b.y}`;
}

/** Down along the left edge and into a row, if the rows are below the broker. */
function spine(a, b) {
  const x = Math.max(4, b.x - 16);
  return `M${a.x + 24},${a.bottom} C${a.x + 24},${a.bottom + 14} ${x},${a.bottom + 6} ${x},${a.bottom + 24} V${b.midY - 8} Q${x},${b.midY} ${b.x},${b.midY}`;
}

/** Back from a service to the retries and dead letters of its queue. */
function back(a, b) {
  return `M${a.x},${a.midY + 8} C${a.x - 20},${b.midY} ${b.right + 24},${b.midY} ${b.right + 3},${b.midY}`;
}

/** Points per line, computed once: querying the path in every frame is too slow. */
const POINTS = 48;

export class Wire {
  constructor(path) {
    this.path = path;
    const length = path.getTotalLength();
    this.points = Array.from({ length: POINTS + 1 }, (_, index) =>
      path.getPointAtLength((length * index) / POINTS),
    );
  }

  /** The point at a part of the length, from 0 to 1. */
  at(part) {
    const before = Math.min(POINTS - 1, Math.floor(part * POINTS));
    const [a, b] = [this.points[before], this.points[before + 1]];
    const rest = part * POINTS - before;
    return { x: a.x + (b.x - a.x) * rest, y: a.y + (b.y - a.y) * rest };
  }
}

/** Wires by name: `order`, `outbox`, and for each service `in:`, `work:`, `done:`, `retry:`, `dead:`. */
export function layOutWires(flow, layer, rows) {
  const frame = flow.getBoundingClientRect();
  const at = (element) => box(element, frame);
  const broker = at(flow.querySelector("#node-broker"));
  const order = at(flow.querySelector("#node-order"));
  const outbox = at(flow.querySelector("#node-outbox"));
  const lines = { order: between(order, outbox), outbox: between(outbox, broker) };
  for (const [name, row] of rows) {
    const tube = at(row.tube);
    const service = at(row.node);
    lines[`in:${name}`] = tube.x >= broker.right ? between(broker, tube) : spine(broker, tube);
    lines[`work:${name}`] = between(service.x >= tube.right ? tube : at(row.queue), service);
    lines[`done:${name}`] = between(service, at(row.ends));
    lines[`retry:${name}`] = back(service, at(row.rungs));
    lines[`dead:${name}`] = back(service, at(row.dead));
  }
  return draw(layer, lines);
}

function draw(layer, lines) {
  const isHidden = (name) => name.startsWith("retry:") || name.startsWith("dead:");
  const paths = Object.entries(lines).map(([name, d]) => {
    const path = svg("path", { d, id: `wire-${name}` });
    if (isHidden(name)) path.classList.add("hidden");
    return [name, path];
  });
  layer.replaceChildren(...paths.map(([, path]) => path));
  return new Map(paths.map(([name, path]) => [name, new Wire(path)]));
}
