/** Two lanes side by side, with response times that grow while the customer waits. */

import { ask } from "./api.js";
import { drawBar, makeBar } from "./bars.js";
import { byId, make, mark, setText } from "./dom.js";
import { count, plural, seconds } from "./format.js";

const SHOWN = 7;
/** Minimum number of seconds represented by a full bar; both lanes use one scale. */
const SCALE = 4;
const LANES = [
  {
    name: "events",
    title: "Asynchronous",
    modes: [["async", "one event for all services"]],
    lead: "The order is stored, and the customer gets a response. The services process it afterwards.",
  },
  {
    name: "calls",
    title: "Synchronous",
    modes: [
      ["sync", "calls one after the other"],
      ["parallel", "all calls at once"],
    ],
    lead: "The customer waits until every service has finished.",
  },
];

export class Lanes {
  constructor(follow) {
    this.follow = follow;
    this.mine = new Map();
    this.reported = {};
    this.reportedAt = performance.now();
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
      "aria-label": "orders per second",
    });
    view.run = make("button", { type: "submit" }, "Place many");
    view.wrong = make("p", { class: "wrong", role: "alert" });
    view.list = make("ol", { class: "bars", "aria-label": `Newest responses, ${lane.title}` });
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
      " per second ",
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
    setText(view.wrong, "");
    try {
      const answer = await ask("POST", `/api/lanes/${view.name}/orders`, { mode });
      this.mine.set(key, { view, answer });
    } catch (error) {
      this.mine.delete(key);
      setText(view.wrong, error.message);
    }
    this.draw();
  }

  async placeMany(event, view) {
    event.preventDefault();
    setText(view.wrong, "");
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
      setText(view.wrong, error.message);
    }
  }

  isRunning(view) {
    return (this.reported[view.name]?.toCome ?? 0) > 0;
  }

  update(lanes) {
    this.reported = lanes;
    this.reportedAt = performance.now();
    for (const [key, { view, answer }] of this.mine) {
      if (answer && lanes[view.name].answers.some((each) => each.number === answer.number))
        this.mine.delete(key);
    }
    this.run();
  }

  // --- drawing: in every frame while an order is waiting, otherwise once -----------------------

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

  /** Waiting orders, then answered ones, newest first. */
  items(view) {
    const reported = this.reported[view.name];
    const since = (performance.now() - this.reportedAt) / 1000;
    const mine = [...this.mine.values()].filter((each) => each.view === view);
    const pending = mine.filter((each) => !each.answer);
    const own = pending.map((each) => ({
      isWaiting: true,
      seconds: (performance.now() - each.began) / 1000,
    }));
    // The dashboard also reports the orders placed by this page; show each of them once. An order
    // may have been answered since it was reported as waiting.
    const answered = new Set(mine.map((each) => each.answer?.number));
    const others = (reported?.waiting ?? [])
      .filter((each) => !answered.has(each.number))
      .map((each) => ({ isWaiting: true, seconds: each.seconds + since }));
    const waiting = [...own, ...others.slice(0, Math.max(0, others.length - own.length))].sort(
      (a, b) => a.seconds - b.seconds,
    );
    const answers = [
      ...(reported?.answers ?? []),
      ...mine.filter((each) => each.answer).map((each) => each.answer),
    ];
    return [...waiting, ...answers.reverse()];
  }

  drawLane(view, items, scale) {
    const reported = this.reported[view.name];
    const oldest = items.filter((item) => item.isWaiting).at(-1);
    const last = items.find((item) => !item.isWaiting);
    setText(view.clock, oldest ? seconds(oldest.seconds) : last ? seconds(last.seconds) : "–");
    mark(view.clock, "data-waiting", Boolean(oldest));
    setText(view.caption, caption(oldest, last, reported));
    setText(view.run, this.isRunning(view) ? "Stop" : "Place many");
    const shown = items.slice(0, SHOWN);
    while (view.bars.length < shown.length)
      view.bars.push(makeBar(view.list, (id) => this.follow(id)));
    view.bars.forEach((bar, index) => drawBar(bar, shown[index], scale));
  }
}

function caption(oldest, last, reported) {
  if (oldest) return "the customer is waiting …";
  if (!last) return "no order placed here yet";
  const all =
    reported && reported.answered > 1 && reported.medianSeconds !== null
      ? `; median of the newest ${count(reported.answers.length)}: ${seconds(reported.medianSeconds)}`
      : "";
  const refused = reported?.refused
    ? `; ${plural(reported.refused, "refused or failed", "refused or failed")}`
    : "";
  return `last response${all}${refused}`;
}

function modeChoice(lane) {
  if (lane.modes.length === 1)
    return {
      element: make("p", { class: "mode" }, lane.modes[0][1]),
      value: () => lane.modes[0][0],
    };
  const select = make(
    "select",
    { "aria-label": "mode" },
    ...lane.modes.map(([value, words]) => make("option", { value }, words)),
  );
  return { element: make("p", { class: "mode" }, select), value: () => select.value };
}
