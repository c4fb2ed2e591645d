/** The light: the overall state, the number of orders it covers, and its age. */

import { byId, mark, setText } from "./dom.js";
import { count, plural, seconds } from "./format.js";

/** Maximum number of orders that the dashboard tracks. */
const MOST = 10000;
const SIGNS = { done: "✓", working: "…", attention: "!", missing: "✕", unknown: "?" };

export function showVerdict(verdict) {
  const [word, detail] = words(verdict);
  mark(byId("verdict"), "data-light", verdict.light);
  setText(byId("verdict").querySelector(".lamp"), SIGNS[verdict.light]);
  setText(byId("verdict-word"), word);
  setText(byId("verdict-detail"), detail);
}

function words(verdict) {
  const { orders, done } = verdict;
  const age =
    verdict.checkedSecondsAgo === null ? "" : `, checked ${seconds(verdict.checkedSecondsAgo)} ago`;
  const newest = orders >= MOST ? "the newest " : "";
  const progress = `${count(done)} of ${newest}${plural(orders, "accepted order")} complete${age}`;
  switch (verdict.light) {
    case "done":
      return orders ? ["All orders complete:", progress] : ["No orders yet.", ""];
    case "working":
      return ["Processing:", progress];
    case "attention":
      return [`${plural(verdict.givenUp, "dead letter")}:`, progress];
    case "missing":
      return [
        "Orders are missing!",
        `The queues are empty, but ${missing(verdict)}. Run orderctl audit.`,
      ];
    default:
      return ["Unknown.", `No data from ${verdict.unknown.join(" and ")}. Last known: ${progress}`];
  }
}

function missing(verdict) {
  return Object.entries(verdict.missing)
    .map(([name, number]) => `${name} has not processed ${count(number)}`)
    .join(", ");
}
