/** Two lanes side by side, with answer times that grow while the customer waits. */

import { ask } from "./api.js";
import { drawBar, makeBar } from "./bars.js";
import { byId, make, mark, say } from "./dom.js";
import { count, plural, seconds } from "./format.js";

const SHOWN = 7;
/** A bar that fills its lane is at least this many seconds: one scale for both. */
const SCALE = 4;
const LANES = [
  {
    name: "events",
    title: "By events",
    modes: [["async", "asynchronous"]],
    lead: "The order is written down, and answered. The services work afterwards.",
  },
  {
    name: "calls",
    title: "By calls",
    modes: [
      ["sync", "one after the other"],
      ["parallel", "all at once"],
    ],
    lead: "The customer waits until every service has done its part.",
  },
];

export class Lanes {
  constructor(follow) {
    this.follow = follow;
    this.mine = new Map();
    this.told = {};
    this.toldAt = performance.now();
    this.views = LANES.map((lane) => this.build(lane));
    byId("lanes").replaceChildren(...this.views.map((view) => view.element));
  }

  build(lane) {
    const view = { ...lane, bars: [] };
    view.clock = make("p", { class: "big" }, "–");
    view.caption = make("p", { class: "caption" }, "no order placed here yet");
    view.mode = modeChoice(lane);
    view.count = make("input", {
      type: "number",
      min: "1",
      max: "10000",
      value: lane.name === "events" ? "100" : "20",
      "aria-label": "how many orders",
    });
    view.rate = make("input", {
      type: "number",
      min: "0.1",
      max: "200",
      step: "any",
      value: lane.name === "events" ? "20" : "2",
      "aria-label": "orders a second",
    });
    view.run = make("button", { type: "submit" }, "Place many");
    view.wrong = make("p", { class: "wrong", role: "alert" });
    view.list = make("ol", { class: "bars", "aria-label": `Newest answers, ${lane.title}` });
    const one = make(
      "button",
      { type: "button", class: "main", onclick: () => this.placeOne(view) },
      "Place one order",
    );
    const many = make(
      "form",
      { class: "many", onsubmit: (event) => this.placeMany(event, view) },
      view.count,
      " at ",
      view.rate,
      " a second ",
      view.run,
    );
    view.element = make(
      "article",
      { class: "lane", "data-lane": lane.name },
      make("h3", {}, lane.title),
      make("p", { class: "lead" }, lane.lead),
      view.mode.element,
      make("div", { class: "felt" }, view.clock, view.caption),
      view.list,
      make("div", { class: "controls" }, one, many),
      view.wrong,
    );
    return view;
  }

  async placeOne(view) {
    const key = Symbol();
    const mode = view.mode.value();
    this.mine.set(key, { view, mode, began: performance.now() });
    this.run();
    say(view.wrong, "");
    try {
      const answer = await ask("POST", `/api/lanes/${view.name}/orders`, { mode });
      this.mine.set(key, { view, answer });
    } catch (error) {
      this.mine.delete(key);
      say(view.wrong, error.message);
    }
    this.draw();
  }

  async placeMany(event, view) {
    event.preventDefault();
    say(view.wrong, "");
    const path = `/api/lanes/${view.name}/run`;
    try {
      if (this.isRunning(view)) await ask("DELETE", path);
      else
        await ask("POST", path, {
          mode: view.mode.value(),
          count: Number(view.count.value),
          rate: Number(view.rate.value),
        });
    } catch (error) {
      say(view.wrong, error.message);
    }
  }

  isRunning(view) {
    return (this.told[view.name]?.toCome ?? 0) > 0;
  }

  update(lanes) {
    this.told = lanes;
    this.toldAt = performance.now();
    for (const [key, { view, answer }] of this.mine) {
      if (answer && lanes[view.name].answers.some((each) => each.number === answer.number))
        this.mine.delete(key);
    }
    this.run();
  }

  // --- drawing: every frame while somebody waits, and once otherwise ---------------------------

  run() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = null;
    let isWaiting = false;
    const lanes = this.views.map((view) => [view, this.items(view)]);
    const shown = lanes.flatMap(([, items]) => items.slice(0, SHOWN));
    const scale = Math.max(SCALE, ...shown.map((item) => item.seconds));
    for (const [view, items] of lanes) {
      isWaiting ||= items.some((item) => item.isWaiting);
      this.drawLane(view, items, scale);
    }
    if (isWaiting) this.run();
  }

  /** Those that wait, then those that were answered, the newest first. */
  items(view) {
    const told = this.told[view.name];
    const since = (performance.now() - this.toldAt) / 1000;
    const mine = [...this.mine.values()].filter((each) => each.view === view);
    const pending = mine.filter((each) => !each.answer);
    const own = pending.map((each) => ({
      isWaiting: true,
      seconds: (performance.now() - each.began) / 1000,
    }));
    // What this page waits for is told by the dashboard as well; it is shown once.
    // It may have been answered since the dashboard told so, and then waits no more.
    const answered = new Set(mine.map((each) => each.answer?.number));
    const others = (told?.waiting ?? [])
      .filter((each) => !answered.has(each.number))
      .map((each) => ({ isWaiting: true, seconds: each.seconds + since }));
    const waiting = [...own, ...others.slice(0, Math.max(0, others.length - own.length))].sort(
      (a, b) => a.seconds - b.seconds,
    );
    const answers = [
      ...(told?.answers ?? []),
      ...mine.filter((each) => each.answer).map((each) => each.answer),
    ];
    return [...waiting, ...answers.reverse()];
  }

  drawLane(view, items, scale) {
    const told = this.told[view.name];
    const oldest = items.filter((item) => item.isWaiting).at(-1);
    const last = items.find((item) => !item.isWaiting);
    say(view.clock, oldest ? seconds(oldest.seconds) : last ? seconds(last.seconds) : "–");
    mark(view.clock, "data-waiting", Boolean(oldest));
    say(view.caption, caption(oldest, last, told));
    say(view.run, this.isRunning(view) ? "Stop" : "Place many");
    const shown = items.slice(0, SHOWN);
    while (view.bars.length < shown.length)
      view.bars.push(makeBar(view.list, (id) => this.follow(id)));
    view.bars.forEach((bar, index) => drawBar(bar, shown[index], scale));
  }
}

function caption(oldest, last, told) {
  if (oldest) return "the customer waits …";
  if (!last) return "no order placed here yet";
  const all =
    told && told.answered > 1 && told.medianSeconds !== null
      ? `; median of the newest ${count(told.answers.length)}: ${seconds(told.medianSeconds)}`
      : "";
  const refused = told?.refused
    ? `; ${plural(told.refused, "refused or failed", "refused or failed")}`
    : "";
  return `until the last answer${all}${refused}`;
}

function modeChoice(lane) {
  if (lane.modes.length === 1)
    return {
      element: make("p", { class: "mode" }, lane.modes[0][1]),
      value: () => lane.modes[0][0],
    };
  const select = make(
    "select",
    { "aria-label": "how the services are called" },
    ...lane.modes.map(([value, words]) => make("option", { value }, words)),
  );
  return { element: make("p", { class: "mode" }, select), value: () => select.value };
}
