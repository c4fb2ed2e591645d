/** Puts the page together: each snapshot goes to every part of it. */

import { byId, mark, say } from "./dom.js";
import { story } from "./explain.js";
import { Faults } from "./faults.js";
import { Flow } from "./flow.js";
import { clock, seconds } from "./format.js";
import { Journey } from "./journey.js";
import { Lanes } from "./lanes.js";
import { Letters } from "./letters.js";
import { prepareLooks } from "./looks.js";
import { Orders } from "./orders.js";
import { Replay } from "./replay.js";
import { connect } from "./stream.js";
import { showVerdict } from "./verdict.js";

/** A screen reader is told what is new, and not how its numbers change: this often, at most. */
const SPOKEN_MS = 8000;

prepareLooks();
const journey = new Journey();
const follow = (id) => journey.follow(id);
const flow = new Flow();
const faults = new Faults();
const lanes = new Lanes(follow);
const orders = new Orders(follow);
const letters = new Letters(follow);
const replay = new Replay();

let last = null;
let spoken = { kind: null, at: -SPOKEN_MS };

connect(show, showLink);

function show(snapshot) {
  last = snapshot;
  flow.update(snapshot);
  faults.update(snapshot);
  lanes.update(snapshot.lanes);
  orders.update(snapshot);
  letters.update(snapshot.services);
  replay.update(snapshot.services);
  showVerdict(snapshot.verdict);
  tell(story(snapshot));
}

function tell(now) {
  mark(byId("story"), "data-tone", now.tone);
  say(byId("story"), now.text);
  if (now.kind === spoken.kind || performance.now() - spoken.at < SPOKEN_MS) return;
  spoken = { kind: now.kind, at: performance.now() };
  say(byId("spoken"), now.text);
}

/** `silent`: ms since the last news; null when there never were any. */
function showLink(state, silent) {
  const isLost = state === "lost";
  mark(document.body, "data-link", state);
  say(
    byId("link"),
    isLost ? "connection lost" : silent < 1500 ? "live" : `${seconds(silent / 1000)} old`,
  );
  byId("lost").hidden = !isLost;
  if (!isLost) return;
  flow.stop();
  const since = last ? `What you see is from ${clock(last.at)}.` : "Nothing has been seen yet.";
  say(byId("lost"), `The connection to the dashboard is lost. ${since} Trying again …`);
}
