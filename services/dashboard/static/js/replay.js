/** Replay: have a service read stored events again, and see how far it is. */

import { ask, operate } from "./api.js";
import { byId, make, say } from "./dom.js";
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
    this.said = make("p", { class: "said", role: "status" });
    this.list = make("ol", { class: "replays" });
    byId("replay").replaceChildren(
      make(
        "form",
        { class: "replay-form", onsubmit: (event) => this.begin(event) },
        make("label", { for: "replay-service" }, "Service"),
        this.service,
        make("label", { for: "replay-from" }, "from"),
        this.from,
        make("label", { class: "check" }, this.dry, "only count, change nothing"),
        make("label", { class: "check" }, this.resend, "send mails and texts again"),
        make("button", { type: "submit", class: "main" }, "Replay"),
      ),
      this.said,
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
    const wish = { from: this.start(), dryRun: this.dry.checked, resend: this.resend.checked };
    say(this.said, "");
    try {
      await operate("POST", `/api/services/${this.service.value}/replays`, wish);
    } catch (error) {
      say(this.said, error.message);
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
      say(this.said, error.message);
    }
  }
}

function shown(replay) {
  const counts = `${count(replay.seen)} read, ${count(replay.applied)} done now, ${count(replay.alreadyApplied)} had been done, ${count(replay.rewritten ?? 0)} written anew, ${count(replay.failed)} failed`;
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
