/** One bar per order, as long as its response time; the bar of a waiting order grows. */

import { make, mark, setText } from "./dom.js";
import { seconds } from "./format.js";

export function makeBar(list, follow) {
  const bar = {
    fill: make("span", { class: "bar-fill" }),
    time: make("span", { class: "bar-time" }),
  };
  bar.order = make(
    "button",
    { type: "button", class: "plain", onclick: () => follow(bar.id) },
    "follow",
  );
  bar.item = make("li", {}, bar.fill, bar.time, bar.order);
  list.append(bar.item);
  return bar;
}

/** `scale`: seconds represented by the full width. */
export function drawBar(bar, item, scale) {
  bar.item.hidden = !item;
  if (!item) return;
  const isWrong = !item.isWaiting && item.status !== 201 && item.status !== 202;
  bar.fill.style.setProperty("--part", String(item.seconds / scale));
  mark(bar.item, "data-state", item.isWaiting ? "waiting" : isWrong ? "wrong" : "done");
  setText(bar.time, seconds(item.seconds) + (isWrong ? ` ${item.status || "no response"}` : ""));
  bar.item.title = item.detail ?? "";
  bar.id = item.orderId;
  bar.order.hidden = !item.orderId;
}
