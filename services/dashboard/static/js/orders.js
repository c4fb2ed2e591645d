/** The newest orders, or a page of older ones. */

import { ask } from "./api.js";
import { byId, make, mark, setText } from "./dom.js";
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
    this.message = make("p", { class: "message" });
    const heads = ["Order", "Placed", "Total", "Done by"].map((text) =>
      make("th", { scope: "col" }, text),
    );
    byId("orders").replaceChildren(
      make("table", { class: "orders" }, make("thead", {}, make("tr", {}, heads)), this.body),
      make("div", { class: "pager" }, this.newest, this.next, this.message),
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
    setText(
      this.message,
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
    setText(row.id, short(order.orderId));
    mark(row.id, "aria-label", `Follow ${order.orderId}`);
    setText(row.at, clock(order.placedAt));
    setText(row.total, money(order.totalAmount));
    if (order.status !== "accepted") return setText(row.marks, `synchronous, ${order.status}`);
    if (!order.open) return setText(row.marks, "follow for details");
    this.showMarks(row.marks, order.open);
  }

  /** One mark per service, filled when the service has finished. */
  showMarks(cell, open) {
    const text = open.length ? `waiting for ${open.join(", ")}` : "all";
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
      setText(this.message, error.message);
    }
  }

  showNewest() {
    this.older = null;
    this.show(this.newestOrders ?? []);
  }
}
