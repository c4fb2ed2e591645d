/** The dead letters of one service: list, inspect, redrive, discard. */

import { ask, operate } from "./api.js";
import { byId, make, mark, setText } from "./dom.js";
import { clock, count, plural, short } from "./format.js";

const SHOWN = 20;

export class Letters {
  constructor(follow) {
    this.follow = follow;
    this.service = null;
    this.counts = {};
    this.choice = make("div", { class: "choice", role: "group", "aria-label": "Dead letters of" });
    this.list = make("ol", { class: "dead-list" });
    this.message = make("p", { class: "message", role: "status" });
    this.all = make(
      "div",
      { class: "buttons" },
      make("button", { type: "button", onclick: () => this.act("redrive", null) }, "Redrive all"),
      make(
        "button",
        { type: "button", class: "grave", onclick: () => this.discardAll() },
        "Discard all",
      ),
    );
    byId("letters").replaceChildren(this.choice, this.list, this.all, this.message);
  }

  update(services) {
    const names = Object.keys(services);
    if (this.choice.childElementCount !== names.length) this.build(names);
    for (const name of names) {
      const dead = services[name].told?.queue?.dead ?? 0;
      const button = this.choice.querySelector(`[data-service="${name}"]`);
      setText(button, `${name} ${count(dead)}`);
      const hasChanged = this.counts[name] !== dead;
      this.counts[name] = dead;
      if (hasChanged && name === this.service) this.load();
    }
  }

  build(names) {
    this.choice.replaceChildren(
      ...names.map((name) =>
        make(
          "button",
          {
            type: "button",
            "data-service": name,
            "aria-pressed": "false",
            onclick: () => this.choose(name),
          },
          name,
        ),
      ),
    );
    this.choose(names[0]);
  }

  choose(name) {
    this.service = name;
    for (const button of this.choice.children)
      mark(button, "aria-pressed", String(button.dataset.service === name));
    setText(this.message, "");
    this.load();
  }

  async load() {
    const service = this.service;
    try {
      const { deadLetters } = await ask("GET", `/api/services/${service}/dead-letters`);
      if (service === this.service) this.show(deadLetters);
    } catch (error) {
      setText(this.message, error.message);
    }
  }

  show(letters) {
    this.all.hidden = !letters.length;
    const rows = letters.slice(0, SHOWN).map((letter) => this.row(letter));
    const total = this.counts[this.service] ?? letters.length;
    const rest =
      total > rows.length
        ? [
            make(
              "li",
              { class: "lead" },
              `… and ${count(total - rows.length)} more (the oldest are shown).`,
            ),
          ]
        : [];
    const none = letters.length
      ? []
      : [make("li", { class: "lead" }, `${this.service} has no dead letters.`)];
    this.list.replaceChildren(...rows, ...rest, ...none);
  }

  row(letter) {
    const one = (verb, words, extra = "") =>
      make(
        "button",
        { type: "button", class: extra, onclick: () => this.act(verb, [letter.handle]) },
        words,
      );
    const order = letter.orderId
      ? make(
          "button",
          { type: "button", class: "plain", onclick: () => this.follow(letter.orderId) },
          short(letter.orderId),
        )
      : short(letter.handle);
    return make(
      "li",
      {},
      make(
        "details",
        {},
        make(
          "summary",
          {},
          `${letter.reason} `,
          make(
            "span",
            { class: "lead" },
            `${clock(letter.at)}, ${plural(letter.attempts, "attempt")}`,
          ),
        ),
        make("pre", { tabindex: "0", "aria-label": "the event as it was received" }, letter.body),
      ),
      make(
        "div",
        { class: "buttons" },
        order,
        one("redrive", "Redrive"),
        one("discard", "Discard", "grave"),
      ),
    );
  }

  discardAll() {
    if (confirm(`Discard all dead letters of ${this.service}? This cannot be undone.`))
      this.act("discard", null);
  }

  async act(verb, handles) {
    const path = `/api/services/${this.service}/dead-letters/${verb}`;
    try {
      const gone = await operate("POST", path, handles ? { handles } : { all: true });
      const number = Object.values(gone)[0].length;
      setText(
        this.message,
        verb === "redrive"
          ? `${plural(number, "event")} redriven.`
          : `${plural(number, "event")} discarded.`,
      );
      this.load();
    } catch (error) {
      setText(this.message, error.message);
    }
  }
}
