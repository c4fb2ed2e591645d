/** A row of the drawing: a service, its queue as blocks, its retries and dead letters. */

import { make, mark, setText } from "./dom.js";
import { aboutService } from "./explain.js";
import { count, rate, seconds } from "./format.js";

/** Seconds after which data is dimmed. */
export const STALE = 3;
/** Width of a block in a queue, in px, and the numbers of orders it may represent. */
const BLOCK = 12;
const UNITS = [1, 5, 10, 50, 100, 500, 1000, 5000];

export function makeRow(name, ladder) {
  const rungList = ladder.map((rung) => [
    rung,
    make("span", { class: "rung" }, `in ${seconds(rung).replace(".0", "")} `, make("b", {}, "0")),
  ]);
  const row = { rungList };
  row.waiting = make("b", {}, "–");
  row.fill = make("div", { class: "fill" });
  row.heldFill = make("div", { class: "fill held" });
  row.tube = make("div", { class: "tube", "aria-hidden": "true" }, row.heldFill, row.fill);
  row.rungs = make(
    "span",
    { class: "rungs" },
    "retries ",
    ...rungList.flatMap(([, element]) => [element, " "]),
  );
  row.dead = make(
    "a",
    { href: "#letters-panel", class: "dead" },
    "dead letters ",
    make("b", {}, "0"),
  );
  row.state = make("p", { class: "state" });
  row.held = make("dd", {}, "–");
  row.processes = make("dd", {}, "–");
  row.rate = make("dd", {}, "–");
  row.oldest = make("dd", {}, "–");
  row.done = make("b", {}, "–");
  row.ends = make("p", { class: "ends" }, row.done, "done");
  row.note = make("p", { class: "note" });
  row.node = make(
    "div",
    { class: "node" },
    make("h3", {}, make("span", { class: "state-lamp", "aria-hidden": "true" }), name),
    row.state,
    make(
      "dl",
      {},
      make("div", {}, make("dt", {}, "consumers"), row.processes),
      make("div", {}, make("dt", {}, "in progress"), row.held),
      make("div", {}, make("dt", {}, "per second"), row.rate),
      make("div", {}, make("dt", {}, "oldest waiting"), row.oldest),
    ),
  );
  row.queue = make(
    "div",
    { class: "queue" },
    make("p", { class: "queue-head" }, `for ${name}`, make("span", {}, row.waiting, " waiting")),
    row.tube,
    make("p", { class: "under" }, row.rungs, row.dead),
  );
  row.item = make(
    "li",
    { class: "row", "data-service": name },
    row.queue,
    row.node,
    row.ends,
    row.note,
  );
  return row;
}

/** Measures how many blocks fit into the queue; called only when the layout changes. */
export function measure(row) {
  row.room = Math.max(1, Math.floor((row.tube.clientWidth - 8) / BLOCK));
}

/** The number of orders per block with which all orders fit. */
export function unitOf({ room, blocks }) {
  return (
    UNITS.find((unit) => Math.ceil(blocks.ready / unit) + Math.ceil(blocks.held / unit) <= room) ??
    UNITS.at(-1)
  );
}

/** Draws the blocks, with the orders in progress at the head of the queue. */
export function fill(row, unit) {
  const heldWidth = Math.ceil(row.blocks.held / unit) * BLOCK;
  row.heldFill.style.width = `${heldWidth}px`;
  row.fill.style.width = `${Math.ceil(row.blocks.ready / unit) * BLOCK}px`;
  row.fill.style.right = `${4 + heldWidth}px`;
}

/** Updates the numbers of a row; true if the service is not consuming. `isTold`: the story above
 * the drawing already has the sentence about this service.
 */
export function updateRow(row, name, side, { accepted, isTold }) {
  const activity = side.told;
  const about = aboutService(name, side);
  const isStopped = Boolean(side.unreachable || activity?.reason);
  // Deliveries held by a stopped consumer are shown as waiting.
  const ready = side.ready === null ? null : side.ready + (isStopped ? side.held : 0);
  const held = isStopped ? 0 : side.held;
  mark(row.item, "data-tone", about?.tone ?? "good");
  mark(row.item, "data-stale", side.age === null || side.age > STALE);
  mark(row.item, "data-busy", (ready ?? 0) >= 15);
  setText(row.waiting, ready === null ? "?" : count(ready));
  row.blocks = { ready: ready ?? 0, held };
  for (const [rung, element] of row.rungList) {
    const waiting =
      activity?.rungs.find((each) => Math.abs(each.seconds - rung) < 0.05 + rung / 100)?.waiting ??
      0;
    setText(element.querySelector("b"), count(waiting));
    mark(element, "data-some", waiting > 0);
  }
  setText(row.dead.querySelector("b"), activity?.queue ? count(activity.queue.dead) : "?");
  mark(row.dead, "data-some", (activity?.queue?.dead ?? 0) > 0);
  mark(
    row.node,
    "data-tone",
    side.unreachable || activity?.reason ? "bad" : activity?.faults.length ? "wait" : "good",
  );
  setText(row.state, stateWords(side));
  setText(row.held, count(held));
  setText(row.processes, side.processes ? count(side.processes) : "none");
  setText(row.rate, rate(activity?.appliedPerSecond));
  setText(row.oldest, seconds(side.oldestSeconds));
  setText(
    row.done,
    side.waiting === null ? "–" : count(Math.max(0, accepted - side.waiting - side.givenUp)),
  );
  setText(row.note, about && about.kind !== "dead" && !isTold ? about.text : "");
  return isStopped;
}

function stateWords(side) {
  if (!side.told) return "has not responded yet";
  if (side.unreachable) return `no response; data is ${seconds(side.age)} old`;
  const words = faultWords(side.told.faults);
  if (side.told.reason) return words || "paused";
  return words || "running";
}

export function faultWords(faults) {
  const words = { latency: "slow", failures: "failing", outage: "down", crash: "about to crash" };
  return faults.length
    ? `${faults.map((fault) => words[fault.kind] ?? fault.kind).join(", ")} (injected)`
    : "";
}
