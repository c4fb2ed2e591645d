/** The newest orders, and older ones page by page: a list that never grows. */

import { ask } from "./api.js";
import { byId, make, mark, say } from "./dom.js";
import { clock, money, short } from "./format.js";

const ROWS = 12;

export class Orders {
  constructor(follow) {
    this.follow = follow;
    this.services = [];
    this.older = null;
    this.body = make("tbody");
    this.newest = make("button", { type: "button", onclick: () => this.showNewest() }, "Newest");
    this.next = make("button", { type: "button", onclick: () => this.showOlder() }, "Older");
    this.said = make("p", { class: "said" });
    const heads = ["Order", "Placed", "Total", "Done by"].map((text) =>
      make("th", { scope: "col" }, text),
    );
    byId("orders").replaceChildren(
      make("table", { class: "orders" }, make("thead", {}, make("tr", {}, heads)), this.body),
      make("div", { class: "pager" }, this.newest, this.next, this.said),
    );
    this.rows = Array.from({ length: ROWS }, () => this.row());
    this.body.append(...this.rows.map((row) => row.element));
    byId("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.follow(byId("find-id").value.trim());
    });
  }

  row() {
    const row = {
      id: make("button", { type: "button", class: "plain", onclick: () => this.follow(row.order) }),
      at: make("td"),
      total: make("td", { class: "number" }),
      marks: make("td", { class: "marks" }),
    };
    row.element = make(
      "tr",
      { hidden: true },
      make("td", {}, row.id),
      row.at,
      row.total,
      row.marks,
    );
    return row;
  }

  update(snapshot) {
    this.services = Object.keys(snapshot.services);
    this.newestOrders = snapshot.orders;
    if (!this.older) this.show(snapshot.orders);
  }

  show(orders) {
    this.rows.forEach((row, index) => this.showRow(row, orders[index]));
    say(
      this.said,
      this.older
        ? `placed before ${clock(this.older.before)}`
        : orders.length
          ? ""
          : "No orders yet.",
    );
    this.newest.disabled = !this.older;
    this.next.disabled = this.older ? !this.older.next : orders.length < ROWS;
  }

  showRow(row, order) {
    row.element.hidden = !order;
    if (!order) return;
    row.order = order.orderId;
    say(row.id, short(order.orderId));
    mark(row.id, "aria-label", `Follow ${order.orderId}`);
    say(row.at, clock(order.placedAt));
    say(row.total, money(order.totalAmount));
    if (order.status !== "accepted") return say(row.marks, `${order.status} by calls`);
    if (!order.open) return say(row.marks, "follow to see");
    this.showMarks(row.marks, order.open);
  }

  /** A mark for each service: full when it is done. */
  showMarks(cell, open) {
    const text = open.length ? `waits for ${open.join(", ")}` : "all";
    if (cell.dataset.text === text && cell.querySelector(".mark")) return;
    cell.dataset.text = text;
    const marks = this.services.map((name) =>
      make("span", { class: "mark", "data-done": !open.includes(name), title: name }),
    );
    cell.replaceChildren(...marks, make("span", { class: "unseen" }, text));
  }

  async showOlder() {
    try {
      const path = this.older?.next ? `/api/orders?cursor=${this.older.next}` : "/api/orders";
      const page = await ask("GET", path);
      const orders = this.older ? page.orders : page.orders.slice(ROWS);
      this.older = { next: page.next, before: orders[0]?.placedAt ?? Date.now() };
      this.show(orders);
    } catch (error) {
      say(this.said, error.message);
    }
  }

  showNewest() {
    this.older = null;
    this.show(this.newestOrders ?? []);
  }
}
