/** The drawing: boxes with current numbers, and the lines and dots between them. */

import { byId, mark, setText } from "./dom.js";
import { aboutBroker, aboutOrders, story } from "./explain.js";
import { count, rate, seconds } from "./format.js";
import { Dots } from "./dots.js";
import { STALE, faultWords, fill, makeRow, measure, unitOf, updateRow } from "./row.js";
import { layOutWires } from "./wires.js";

export class Flow {
  constructor() {
    this.flow = byId("flow");
    this.rows = new Map();
    this.dots = new Dots(this.flow.querySelector(".dots"));
    new ResizeObserver(() => this.layOut()).observe(this.flow);
  }

  update(snapshot) {
    const names = Object.keys(snapshot.services);
    if (names.join() !== [...this.rows.keys()].join()) this.build(names, snapshot.ladder);
    this.updateSource(snapshot);
    const all = snapshot.verdict.orders;
    const { service } = story(snapshot);
    for (const [name, row] of this.rows) {
      const isStopped = updateRow(row, name, snapshot.services[name], {
        accepted: all,
        isTold: name === service,
      });
      mark(this.dots.wires.get(`work:${name}`)?.path, "data-cut", isStopped);
    }
    this.fillTubes();
    this.dots.start(snapshot.moves, names);
    setText(byId("legend"), this.legend(snapshot));
  }

  /** Removes all dots while the connection is lost. */
  stop() {
    this.dots.stop();
  }

  /** Draws the blocks at one scale for all queues. */
  fillTubes() {
    const rows = [...this.rows.values()];
    this.unit = Math.max(...rows.map(unitOf));
    for (const row of rows) fill(row, this.unit);
  }

  legend(snapshot) {
    const blocks =
      this.unit > 1 ? `A block in a queue represents up to ${count(this.unit)} orders. ` : "";
    const fast = Math.max(
      snapshot.order.perSecond,
      ...Object.values(snapshot.services).map((s) => s.told?.appliedPerSecond ?? 0),
    );
    const dots = fast > 20 ? `Dots are a sample of up to ${rate(fast)} orders per second.` : "";
    return `Dark blocks are waiting, light ones are in progress. ${blocks}${dots}`;
  }

  // --- boxes ---------------------------------------------------------------------------------

  build(names, ladder) {
    this.rows = new Map(names.map((name) => [name, makeRow(name, ladder)]));
    byId("rows").replaceChildren(...[...this.rows.values()].map((row) => row.item));
    this.layOut();
  }

  layOut() {
    if (!this.rows.size) return;
    this.dots.wires = layOutWires(this.flow, this.flow.querySelector(".wires"), this.rows);
    for (const row of this.rows.values()) measure(row);
  }

  updateSource(snapshot) {
    const { order, relay } = snapshot;
    const about = aboutOrders(snapshot);
    const isDown = Boolean(order.reason);
    paint(
      "node-order",
      isDown ? "bad" : order.faults.length ? "wait" : "good",
      isDown ? "down" : faultWords(order.faults) || "accepting orders",
      order.age,
    );
    setText(byId("order-rate"), rate(order.perSecond));
    const relayTone = relay.reason ? (order.outbox?.pending ? "bad" : "wait") : "good";
    paint(
      "node-outbox",
      relayTone,
      relay.reason ? "relay paused" : "relay publishing",
      order.outboxAge,
    );
    setText(byId("outbox-pending"), order.outbox ? count(order.outbox.pending) : "–");
    setText(byId("outbox-oldest"), seconds(order.outbox?.oldestAgeSeconds));
    mark(byId("node-broker"), "data-tone", aboutBroker(snapshot) ? "bad" : null);
    byId("node-order").title = about?.text ?? "";
  }
}

function paint(id, tone, state, age) {
  const node = byId(id);
  mark(node, "data-tone", tone);
  const isStale = age === null || age > STALE;
  mark(node, "data-stale", isStale);
  setText(
    node.querySelector(".state"),
    isStale && age !== null ? `${state}, ${seconds(age)} ago` : state,
  );
}
