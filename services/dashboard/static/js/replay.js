/** Starts replays of stored events, and shows their progress. */

import { ask, operate } from "./api.js";
import { byId, make, setText } from "./dom.js";
import { clock, count } from "./format.js";

const AGAIN_MS = 1000;
const LISTED = 4;

export class Replay {
  constructor() {
    this.service = make("select", { id: "replay-service", onchange: () => this.load() });
    this.from = make(
      "select",
      { id: "replay-from" },
      make("option", { value: "beginning" }, "the beginning"),
      ...[
        [5, "5 minutes ago"],
        [60, "an hour ago"],
      ].map(([minutes, words]) => make("option", { value: minutes }, words)),
    );
    this.dry = make("input", { type: "checkbox", id: "replay-dry", checked: true });
    this.resend = make("input", { type: "checkbox", id: "replay-resend" });
    this.message = make("p", { class: "message", role: "status" });
    this.list = make("ol", { class: "replays" });
    byId("replay").replaceChildren(
      make(
        "form",
        { class: "replay-form", onsubmit: (event) => this.begin(event) },
        make("label", { for: "replay-service" }, "Service"),
        this.service,
        make("label", { for: "replay-from" }, "from"),
        this.from,
        make("label", { class: "check" }, this.dry, "dry run: count only"),
        make("label", { class: "check" }, this.resend, "resend mails and texts"),
        make("button", { type: "submit", class: "main" }, "Replay"),
      ),
      this.message,
      this.list,
    );
  }

  update(services) {
    const names = Object.keys(services);
    if (this.service.childElementCount === names.length) return;
    this.service.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    this.service.value = names.includes("analytics") ? "analytics" : names[0];
    this.load();
  }

  async begin(event) {
    event.preventDefault();
    const options = { from: this.start(), dryRun: this.dry.checked, resend: this.resend.checked };
    setText(this.message, "");
    try {
      await operate("POST", `/api/services/${this.service.value}/replays`, options);
    } catch (error) {
      setText(this.message, error.message);
    }
    this.load();
  }

  start() {
    const minutes = Number(this.from.value);
    return minutes ? new Date(Date.now() - minutes * 60000).toISOString() : this.from.value;
  }

  async load() {
    clearTimeout(this.timer);
    try {
      const { replays } = await ask("GET", `/api/services/${this.service.value}/replays`);
      this.list.replaceChildren(...replays.slice(0, LISTED).map(shown));
      if (replays.some((each) => each.state === "running"))
        this.timer = setTimeout(() => this.load(), AGAIN_MS);
    } catch (error) {
      setText(this.message, error.message);
    }
  }
}

function shown(replay) {
  const counts = `${count(replay.seen)} read, ${count(replay.applied)} applied, ${count(replay.alreadyApplied)} already applied, ${count(replay.rewritten ?? 0)} rewritten, ${count(replay.failed)} failed`;
  const remarks = replay.remarks.map((remark) => make("li", {}, remark));
  return make(
    "li",
    { "data-state": replay.state },
    make("strong", {}, `${replay.state}${replay.dryRun ? ", a dry run" : ""}`),
    ` ${clock(replay.startedAt)}`,
    make("p", {}, counts),
    replay.reason ? make("p", { class: "wrong" }, replay.reason) : null,
    make("ul", { class: "lead" }, ...remarks),
  );
}
