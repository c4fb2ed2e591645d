/** The light: what was compared, how much of it, and how long ago. */

import { byId, mark, say } from "./dom.js";
import { count, plural, seconds } from "./format.js";

/** The dashboard keeps so many orders, and forgets older ones. */
const MOST = 10000;
const SIGNS = { done: "✓", working: "…", attention: "!", missing: "✕", unknown: "?" };

export function showVerdict(verdict) {
  const [word, detail] = words(verdict);
  mark(byId("verdict"), "data-light", verdict.light);
  say(byId("verdict").querySelector(".lamp"), SIGNS[verdict.light]);
  say(byId("verdict-word"), word);
  say(byId("verdict-detail"), detail);
}

function words(verdict) {
  const { orders, done } = verdict;
  const age =
    verdict.checkedSecondsAgo === null ? "" : `, checked ${seconds(verdict.checkedSecondsAgo)} ago`;
  const newest = orders >= MOST ? "the newest " : "";
  const stands = `${count(done)} of ${newest}${plural(orders, "accepted order")}${age}`;
  switch (verdict.light) {
    case "done":
      return orders ? ["Every order done by every service.", stands] : ["No orders yet.", ""];
    case "working":
      return ["Work is going on.", `Done everywhere: ${stands}`];
    case "attention":
      return [`${plural(verdict.givenUp, "dead letter")}.`, `Done everywhere: ${stands}`];
    case "missing":
      return [
        "Something is missing!",
        `Nothing moves, and ${missing(verdict)}. Run orderctl audit.`,
      ];
    default:
      return ["Cannot be said.", `${verdict.unknown.join(" and ")} did not tell; last: ${stands}`];
  }
}

function missing(verdict) {
  return Object.entries(verdict.missing)
    .map(([name, number]) => `${name} has not done ${count(number)}`)
    .join(", ");
}
