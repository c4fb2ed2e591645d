/** The journey of one order, step by step, with its mail and its text. */

import { ask } from "./api.js";
import { byId, make } from "./dom.js";
import { STATES, clock, seconds } from "./format.js";

const AGAIN_MS = 1500;
const ENDS = new Set(["applied", "discarded", "undone"]);
const IN_OUTBOX = {
  published: "published to the broker",
  waiting: "waiting to be published",
  set_aside: "set aside: cannot be published",
};

export class Journey {
  constructor() {
    this.panel = byId("journey");
    this.id = null;
  }

  async follow(id) {
    if (!id) return;
    this.id = id;
    byId("find-id").value = id;
    await this.refresh();
    byId("journey-title").focus({ preventScroll: true });
    byId("journey-panel").scrollIntoView({ block: "nearest" });
  }

  async refresh() {
    clearTimeout(this.timer);
    const id = this.id;
    let found;
    try {
      found = await ask("GET", `/api/orders/${encodeURIComponent(id)}`);
    } catch (error) {
      if (id === this.id) this.showError(error);
      return;
    }
    if (id !== this.id) return;
    this.show(found);
    const isOver = Object.values(found.journey.services).every((stop) => ENDS.has(stop.state));
    if (!isOver) this.refreshLater();
  }

  refreshLater() {
    this.timer = setTimeout(() => this.refresh(), AGAIN_MS);
  }

  /** Shows an error; retries if the service is down or slow, but not after a refusal. */
  showError({ status, message }) {
    if (this.panel.textContent !== message)
      this.panel.replaceChildren(make("p", { class: "wrong", role: "alert" }, message));
    if (status === 0 || status >= 500) this.refreshLater();
  }

  show({ journey, farEnds }) {
    const placed = new Date(journey.placedAt);
    const after = (at) => Math.max(0, (new Date(at) - placed) / 1000);
    const stops = Object.entries(journey.services);
    const longest = Math.max(0.5, ...stops.flatMap(([, stop]) => [stop.at ? after(stop.at) : 0]));
    this.panel.replaceChildren(
      make(
        "p",
        { class: "order-id" },
        make("code", {}, journey.orderId),
        ` ${journey.status}, ${journey.mode}`,
      ),
      make(
        "ol",
        { class: "hops" },
        hop("order service", "stored", clock(placed), 0, longest, "done"),
        journey.outbox === "none"
          ? null
          : hop(
              "outbox",
              IN_OUTBOX[journey.outbox] +
                (journey.outboxReason ? `: ${journey.outboxReason}` : ""),
              "",
              null,
              longest,
              { published: "done", set_aside: "wrong" }[journey.outbox] ?? "waiting",
            ),
        ...journey.stages.map((stage) =>
          hop(
            `call to ${stage.stage}`,
            `${stage.outcome.replace("_", " ")}${stage.reason ? `: ${stage.reason}` : ""}`,
            seconds(stage.seconds),
            stage.startedSeconds + stage.seconds,
            longest,
            stage.reason ? "wrong" : "done",
            [],
            stage.startedSeconds,
          ),
        ),
        ...stops.map(([name, stop]) => stopHop(name, stop, after, longest)),
      ),
      make("div", { class: "letters-sent" }, mail(farEnds.mail), text(farEnds.text)),
    );
  }
}

/** `from` and `at`: seconds since the order was placed; `at` is null if unknown. */
function hop(who, what, when, at, longest, state, more = [], from = 0) {
  const line =
    at === null
      ? null
      : make("span", { class: "gantt", "aria-hidden": "true" }, span(from / longest, at / longest));
  return make(
    "li",
    { "data-state": state },
    make("strong", {}, who),
    make("span", { class: "what" }, what),
    make("span", { class: "when" }, when),
    line,
    ...more,
  );
}

function span(from, to) {
  const fill = make("span");
  fill.style.setProperty("--from", String(Math.min(from, 1)));
  fill.style.setProperty("--to", String(Math.min(to, 1)));
  return fill;
}

function stopHop(name, stop, after, longest) {
  const state =
    stop.state === "applied"
      ? "done"
      : ["dead_lettered", "unknown", "undone"].includes(stop.state)
        ? "wrong"
        : "waiting";
  const attempts = stop.attempts > 1 ? `, attempt ${stop.attempts}` : "";
  const what = `${STATES[stop.state] ?? stop.state}${attempts}${stop.reason ? `: ${stop.reason}` : ""}`;
  const steps = stop.history.map((step) =>
    make(
      "li",
      {},
      `${clock(step.at)} attempt ${step.attempt}: ${STATES[step.step] ?? step.step}${step.reason ? ` (${step.reason})` : ""}`,
    ),
  );
  const history = steps.length ? [make("ol", { class: "history" }, ...steps)] : [];
  return hop(
    name,
    what,
    stop.at ? `+${seconds(after(stop.at))}` : "",
    stop.at ? after(stop.at) : null,
    longest,
    state,
    history,
    stop.startedAt ? after(stop.startedAt) : 0,
  );
}

function mail(found) {
  const body = found.reason
    ? make("p", { class: "lead" }, `No email: ${found.reason}.`)
    : [
        make(
          "p",
          { class: "lead" },
          `to ${found.to}${found.copies > 1 ? `, ${found.copies} copies` : ""}`,
        ),
        make("p", {}, make("strong", {}, found.subject)),
        make("pre", { tabindex: "0", "aria-label": "text of the mail" }, found.text.trim()),
      ];
  return make("article", { class: "letter" }, make("h3", {}, "Its email"), body);
}

function text(found) {
  const body = found.reason
    ? make("p", { class: "lead" }, `No text: ${found.reason}.`)
    : [
        make("p", { class: "lead" }, `to ${found.to}, ${clock(found.at)}`),
        make("p", { class: "bubble" }, found.text),
      ];
  return make("article", { class: "letter" }, make("h3", {}, "Its text message"), body);
}
