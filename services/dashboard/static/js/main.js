/** Assembles the page, and passes each snapshot to all its parts. */

import { byId, mark, setText } from "./dom.js";
import { story } from "./explain.js";
import { Faults } from "./faults.js";
import { Flow } from "./flow.js";
import { clock, seconds } from "./format.js";
import { Journey } from "./journey.js";
import { Lanes } from "./lanes.js";
import { Letters } from "./letters.js";
import { setUpAppearance } from "./appearance.js";
import { Orders } from "./orders.js";
import { Replay } from "./replay.js";
import { connect } from "./stream.js";
import { showVerdict } from "./verdict.js";

/** Minimum interval of screen reader announcements, which cover new states but not numbers. */
const SPOKEN_MS = 8000;

setUpAppearance();
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
  announce(story(snapshot));
}

function announce(now) {
  mark(byId("story"), "data-tone", now.tone);
  setText(byId("story"), now.text);
  if (now.kind === spoken.kind || performance.now() - spoken.at < SPOKEN_MS) return;
  spoken = { kind: now.kind, at: performance.now() };
  setText(byId("spoken"), now.text);
}

/** `silent`: ms since the last snapshot; null before the first. */
function showLink(state, silent) {
  const isLost = state === "lost";
  mark(document.body, "data-link", state);
  setText(
    byId("link"),
    isLost ? "connection lost" : silent < 1500 ? "live" : `${seconds(silent / 1000)} old`,
  );
  byId("lost").hidden = !isLost;
  if (!isLost) return;
  flow.stop();
  const since = last ? `The page shows the state at ${clock(last.at)}.` : "No data has been received yet.";
  setText(byId("lost"), `The connection to the dashboard is lost. ${since} Reconnecting …`);
}
