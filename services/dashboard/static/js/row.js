/** A row of the drawing: a service, its queue as blocks, and what lies under the queue. */

import { make, mark, say } from "./dom.js";
import { aboutService } from "./explain.js";
import { count, rate, seconds } from "./format.js";

/** What is older than this many seconds is dimmed. */
export const STALE = 3;
/** The width of a block in a queue, in px, and how many orders one may stand for. */
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
      make("div", {}, make("dt", {}, "in hand"), row.held),
      make("div", {}, make("dt", {}, "a second"), row.rate),
      make("div", {}, make("dt", {}, "oldest"), row.oldest),
    ),
  );
  row.queue = make(
    "div",
    { class: "queue" },
    make("p", { class: "queue-head" }, `${name} queue`, make("span", {}, row.waiting, " waiting")),
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

/** How many blocks fit into its queue: asked when the drawing is laid, and not each time. */
export function measure(row) {
  row.room = Math.max(1, Math.floor((row.tube.clientWidth - 8) / BLOCK));
}

/** How many orders a block has to stand for, so that all of them have room. */
export function unitOf({ room, blocks }) {
  return (
    UNITS.find((unit) => Math.ceil(blocks.ready / unit) + Math.ceil(blocks.held / unit) <= room) ??
    UNITS.at(-1)
  );
}

/** Draw the blocks; what is in the service's hands stands at the head. */
export function fill(row, unit) {
  const heldWidth = Math.ceil(row.blocks.held / unit) * BLOCK;
  row.heldFill.style.width = `${heldWidth}px`;
  row.fill.style.width = `${Math.ceil(row.blocks.ready / unit) * BLOCK}px`;
  row.fill.style.right = `${4 + heldWidth}px`;
}

/** Write a service's numbers into its row; true when it has stopped receiving. */
export function updateRow(row, name, side, accepted) {
  const told = side.told;
  const about = aboutService(name, side);
  const isStopped = Boolean(side.unreachable || told?.reason);
  // What a consumer holds and does not work on waits like the rest.
  const ready = side.ready === null ? null : side.ready + (isStopped ? side.held : 0);
  const held = isStopped ? 0 : side.held;
  mark(row.item, "data-tone", about?.tone ?? "good");
  mark(row.item, "data-stale", side.age === null || side.age > STALE);
  mark(row.item, "data-busy", (ready ?? 0) >= 15);
  say(row.waiting, ready === null ? "?" : count(ready));
  row.blocks = { ready: ready ?? 0, held };
  for (const [rung, element] of row.rungList) {
    const waiting =
      told?.rungs.find((each) => Math.abs(each.seconds - rung) < 0.05 + rung / 100)?.waiting ?? 0;
    say(element.querySelector("b"), count(waiting));
    mark(element, "data-some", waiting > 0);
  }
  say(row.dead.querySelector("b"), told?.queue ? count(told.queue.dead) : "?");
  mark(row.dead, "data-some", (told?.queue?.dead ?? 0) > 0);
  mark(
    row.node,
    "data-tone",
    side.unreachable || told?.reason ? "bad" : told?.faults.length ? "wait" : "good",
  );
  say(row.state, stateWords(side));
  say(row.held, count(held));
  say(row.processes, side.processes ? count(side.processes) : "none");
  say(row.rate, rate(told?.appliedPerSecond));
  say(row.oldest, seconds(side.oldestSeconds));
  say(
    row.done,
    side.waiting === null ? "–" : count(Math.max(0, accepted - side.waiting - side.givenUp)),
  );
  say(row.note, about && about.kind !== "dead" ? about.text : "");
  return isStopped;
}

function stateWords(side) {
  if (!side.told) return "has not answered yet";
  if (side.unreachable) return `no answer; this is ${seconds(side.age)} old`;
  const words = faultWords(side.told.faults);
  if (side.told.reason) return words || "receives nothing for now";
  return words || "receives";
}

export function faultWords(faults) {
  const words = { latency: "slow", failures: "failing", outage: "away", crash: "about to crash" };
  return faults.length
    ? `${faults.map((fault) => words[fault.kind] ?? fault.kind).join(", ")}, on purpose`
    : "";
}
