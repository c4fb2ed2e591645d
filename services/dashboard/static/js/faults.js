/** Faults as switches: what each does is said, and what follows from it. */

import { operate } from "./api.js";
import { byId, make, mark, say } from "./dom.js";
import { aboutOrders, aboutService, faultOf } from "./explain.js";

const SWITCHES = [
  {
    kind: "latency",
    words: "Slow",
    wish: { latency: "3" },
    does: "3 s more for each piece of work",
    atOrder: "3 s more for each order",
  },
  {
    kind: "failures",
    words: "Failing",
    wish: { failures: 0.5 },
    does: "half of all attempts end in an error",
    atOrder: "half of all orders end in an error",
  },
  {
    kind: "outage",
    words: "Away",
    wish: { outage: true },
    does: "answers nobody, and consumes nothing",
    atOrder: "answers nobody",
  },
  {
    kind: "crash",
    words: "Crash once",
    wish: { crash: "after" },
    does: "the process dies after the next effect, before it is acknowledged",
    atOrder: "the process dies when the next order is written down, before it is answered",
  },
];

export class Faults {
  constructor() {
    this.cards = new Map();
  }

  update(snapshot) {
    const names = ["order", ...Object.keys(snapshot.services)];
    if (names.join() !== [...this.cards.keys()].join()) this.build(names);
    this.updateCard(
      "order",
      snapshot.order.faults,
      snapshot.order.faultsAllowed,
      aboutOrders(snapshot),
      snapshot.order.reason,
    );
    for (const [name, side] of Object.entries(snapshot.services)) {
      this.updateCard(
        name,
        side.told?.faults ?? [],
        side.told?.faultsAllowed,
        aboutService(name, side),
        side.unreachable,
      );
    }
  }

  build(names) {
    this.cards = new Map(names.map((name) => [name, this.card(name)]));
    byId("faults").replaceChildren(...[...this.cards.values()].map((card) => card.element));
  }

  card(name) {
    const card = {
      about: make("p", { class: "about" }),
      wrong: make("p", { class: "wrong", role: "alert" }),
    };
    card.switches = SWITCHES.map((each) => {
      const button = make(
        "button",
        {
          type: "button",
          role: "switch",
          "aria-checked": "false",
          class: "switch",
          onclick: () => this.toggle(name, each, button, card),
        },
        make("span", { class: "knob", "aria-hidden": "true" }),
        make(
          "span",
          {},
          make("strong", {}, each.words),
          make("small", {}, name === "order" ? each.atOrder : each.does),
        ),
      );
      return [each.kind, button];
    });
    card.element = make(
      "fieldset",
      { class: "fault-card", "data-service": name },
      make("legend", {}, name === "order" ? "order service" : name),
      ...card.switches.map(([, button]) => button),
      card.about,
      card.wrong,
    );
    return card;
  }

  updateCard(name, faults, isAllowed, about) {
    const card = this.cards.get(name);
    card.faults = faults;
    for (const [kind, button] of card.switches) {
      mark(button, "aria-checked", String(Boolean(faultOf(faults, kind))));
      button.disabled = !isAllowed;
    }
    mark(card.about, "data-tone", about?.tone ?? "good");
    say(
      card.about,
      isAllowed
        ? (about?.text ?? "Works as it should.")
        : "Faults are off here: start it with FAULTS_ALLOWED=true.",
    );
  }

  async toggle(name, choice, button, card) {
    const isOn = button.getAttribute("aria-checked") === "true";
    say(card.wrong, "");
    try {
      await (isOn
        ? this.end(name, choice, card.faults)
        : operate("POST", `/api/services/${name}/faults`, choice.wish));
      mark(button, "aria-checked", String(!isOn));
    } catch (error) {
      say(card.wrong, error.message);
    }
  }

  /** A service ends all its faults at once: the others are begun again. */
  async end(name, choice, faults) {
    await operate("DELETE", `/api/services/${name}/faults`);
    for (const other of faults.filter((fault) => fault.kind !== choice.kind)) {
      await operate("POST", `/api/services/${name}/faults`, wishOf(other));
    }
  }
}

function wishOf(fault) {
  const values = {
    latency: fault.value,
    failures: Number(fault.value),
    outage: true,
    crash: fault.value,
  };
  const seconds = fault.secondsLeft ? { seconds: fault.secondsLeft } : {};
  return { [fault.kind]: values[fault.kind], ...seconds };
}
