/** Switches that inject faults, with an explanation of each fault and its consequences. */

import { operate } from "./api.js";
import { byId, make, mark, setText } from "./dom.js";
import { aboutOrders, aboutService, faultOf } from "./explain.js";

const SWITCHES = [
  {
    kind: "latency",
    words: "Slow",
    fault: { latency: "3" },
    does: "3 s more per event",
    atOrder: "3 s more per order",
  },
  {
    kind: "failures",
    words: "Failing",
    fault: { failures: 0.5 },
    does: "half of all attempts fail",
    atOrder: "half of all orders fail",
  },
  {
    kind: "outage",
    words: "Down",
    fault: { outage: true },
    does: "refuses requests and consumes nothing",
    atOrder: "refuses all requests",
  },
  {
    kind: "crash",
    words: "Crash once",
    fault: { crash: "after" },
    does: "the process crashes after applying the next event, before acknowledging it",
    atOrder: "the process crashes after storing the next order, before responding",
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
    setText(
      card.about,
      isAllowed
        ? (about?.text ?? "Working normally.")
        : "Faults are disabled: start the service with FAULTS_ALLOWED=true.",
    );
  }

  async toggle(name, choice, button, card) {
    const isOn = button.getAttribute("aria-checked") === "true";
    setText(card.wrong, "");
    try {
      await (isOn
        ? this.end(name, choice, card.faults)
        : operate("POST", `/api/services/${name}/faults`, choice.fault));
      mark(button, "aria-checked", String(!isOn));
    } catch (error) {
      setText(card.wrong, error.message);
    }
  }

  /** A service clears all its faults at once, so the others are started again. */
  async end(name, choice, faults) {
    await operate("DELETE", `/api/services/${name}/faults`);
    for (const other of faults.filter((fault) => fault.kind !== choice.kind)) {
      await operate("POST", `/api/services/${name}/faults`, requestOf(other));
    }
  }
}

function requestOf(fault) {
  const values = {
    latency: fault.value,
    failures: Number(fault.value),
    outage: true,
    crash: fault.value,
  };
  const seconds = fault.secondsLeft ? { seconds: fault.secondsLeft } : {};
  return { [fault.kind]: values[fault.kind], ...seconds };
}
