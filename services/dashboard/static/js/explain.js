/** Describes the current state in a sentence, computed only from what the services report. */

import { count, plural, rate, seconds } from "./format.js";

const DOES = {
  email: "mail",
  sms: "text",
  inventory: "stock movement",
  analytics: "fact",
  shipping: "shipment",
};

const NAMES = { sms: "SMS" };

/** A service's name within a sentence. */
const inText = (name) => NAMES[name] ?? name;

/** A service's name at the beginning of a sentence. */
const capitalised = (name) => inText(name)[0].toUpperCase() + inText(name).slice(1);

/** A share of 0 to 1, at the beginning of a sentence. */
const share = (value) => (Number(value) === 0.5 ? "Half" : `${Math.round(Number(value) * 100)}%`);

export function faultOf(faults, kind) {
  return faults.find((fault) => fault.kind === kind);
}

/** About the orders that a stopped service has not processed. The number is that of its row, or
 * for a silent service, whose row is out of date, the number of orders without its effect.
 */
function backlogText(side) {
  const inQueue = side.ready === null ? side.waiting : side.ready + side.held;
  const waiting = side.unreachable ? (side.waiting ?? inQueue) : inQueue;
  if (!waiting) return "No orders are waiting yet. None will be lost";
  return `${plural(waiting, "order is", "orders are")} waiting in its queue. Nothing is lost`;
}

function gaveUp(dead) {
  return dead ? ` It has given up on ${plural(dead, "event")} (see Dead letters).` : "";
}

/** About one consumer: `{tone, text, kind}`, or null if there is nothing to explain. */
export function aboutService(name, side) {
  const about = explain(name, side);
  return about && { ...about, service: name };
}

function explain(name, side) {
  const activity = side.told;
  if (!activity)
    return { tone: "bad", kind: "silent", text: `${capitalised(name)} has not responded yet.` };
  const outage = faultOf(activity.faults, "outage");
  const dead = activity.queue?.dead ?? 0;
  if (side.unreachable) {
    return {
      tone: "bad",
      kind: "silent",
      text: `${capitalised(name)} has not responded for ${seconds(side.age)}. ${backlogText(side)}.`,
    };
  }
  if (outage)
    return {
      tone: "bad",
      kind: "outage",
      text: `${capitalised(name)} is down. ${backlogText(side)}, and no retries are used up.`,
    };
  if (activity.reason)
    return {
      tone: "bad",
      kind: "waits",
      text: `${capitalised(name)} has paused and retries every few seconds (${activity.reason}). ${backlogText(side)}.`,
    };
  if (!activity.queue)
    return {
      tone: "wait",
      kind: "uncounted",
      text: `The length of ${inText(name)}'s queue is unknown: ${activity.queueReason}`,
    };
  return (
    aboutFaults(name, side, activity, dead) ??
    aboutBacklog(name, side, activity) ??
    aboutDead(name, dead)
  );
}

/** The orders that a slow service has not processed, whether they wait or are in progress. */
function openText(side) {
  const open = side.waiting ?? side.ready + side.held;
  return open ? `${plural(open, "order is", "orders are")} not done yet` : "no order is waiting";
}

function aboutFaults(name, side, activity, dead) {
  const failures = faultOf(activity.faults, "failures");
  if (failures) {
    const retrying = activity.queue.retrying
      ? `${plural(activity.queue.retrying, "event is", "events are")} waiting to be retried`
      : "No events are waiting to be retried";
    return {
      tone: "wait",
      kind: "failures",
      text: `${share(failures.value)} of ${inText(name)}'s attempts fail. ${retrying}. After four failed attempts, an event becomes a dead letter.${gaveUp(dead)}`,
    };
  }
  const latency = faultOf(activity.faults, "latency");
  if (latency) {
    const what = DOES[name] ?? "event";
    return {
      tone: "wait",
      kind: "latency",
      text: `${capitalised(name)} takes ${latency.value.replace(/^\w+:/, "about ")} s longer per ${what}, and ${openText(side)}. Customers do not notice.`,
    };
  }
  const crash = faultOf(activity.faults, "crash");
  if (crash)
    return {
      tone: "wait",
      kind: "crash",
      text: `${capitalised(name)} will crash ${crash.value} applying the next event. It restarts, the event is redelivered, and its inbox shows whether it was already applied.`,
    };
  return null;
}

function aboutBacklog(name, side, activity) {
  const ready = side.ready;
  if (ready < 15) return null;
  const pace = activity.appliedPerSecond;
  const left =
    pace > 0.5 ? ` At ${rate(pace)} per second, that takes about ${seconds(ready / pace)}.` : "";
  return {
    tone: "busy",
    kind: "backlog",
    text: `${capitalised(name)} is working through ${count(ready)} waiting orders.${left}`,
  };
}

function aboutDead(name, dead) {
  return dead
    ? {
        tone: "wait",
        kind: "dead",
        text: `${capitalised(name)} has ${plural(dead, "dead letter")}. Redrive or discard below.`,
      }
    : null;
}

/** About the order service and the relay, in the same form. */
export function aboutOrders(snapshot) {
  const { order, relay } = snapshot;
  const pending = order.outbox?.pending ?? 0;
  if (order.reason)
    return {
      tone: "bad",
      kind: "order",
      text: `The order service is not accepting orders: ${order.reason}. Orders already accepted are still processed.`,
    };
  if (relay.reason && pending)
    return {
      tone: "bad",
      kind: "relay",
      text: `${plural(pending, "order is", "orders are")} waiting safely in the outbox: the relay is not publishing (${relay.reason}).`,
    };
  if (relay.reason)
    return {
      tone: "wait",
      kind: "relay",
      text: `The relay is not publishing (${relay.reason}). New orders will wait in the outbox.`,
    };
  const latency = faultOf(order.faults, "latency");
  if (latency)
    return {
      tone: "wait",
      kind: "slow",
      text: `The order service takes ${latency.value} s longer to respond, in every mode.`,
    };
  const failures = faultOf(order.faults, "failures");
  if (failures)
    return {
      tone: "wait",
      kind: "fails",
      text: `${share(failures.value)} of new orders are refused with an error. No accepted order is lost.`,
    };
  return null;
}

/** If no service reaches the broker: one story instead of one per service; otherwise null. */
export function aboutBroker(snapshot) {
  const sides = Object.values(snapshot.services);
  const isReached = (side) =>
    !side.told?.reason || Boolean(side.told.queue) || faultOf(side.told.faults, "outage");
  if (!snapshot.relay.reason || !sides.length || sides.some(isReached)) return null;
  const pending = snapshot.order.outbox?.pending ?? 0;
  const waits = pending
    ? `${plural(pending, "order is", "orders are")} waiting safely in the outbox`
    : "New orders will wait safely in the outbox";
  return {
    tone: "bad",
    kind: "broker",
    text: `The broker is down. ${waits}. Customers still get their responses.`,
  };
}

/** The text above the drawing: the most important thing to explain, and its service if it is
 * about one.
 */
export function story(snapshot) {
  const broker = aboutBroker(snapshot);
  if (broker) return broker;
  const all = [
    aboutOrders(snapshot),
    ...Object.entries(snapshot.services).map(([name, side]) => aboutService(name, side)),
  ].filter(Boolean);
  for (const tone of ["bad", "wait", "busy"]) {
    const some = all.filter((each) => each.tone === tone);
    if (some.length === 1) return some[0];
    if (some.length > 1)
      return {
        ...some[0],
        kind: some.map((each) => each.kind).join(),
        text: `${some[0].text} (${count(some.length - 1)} more below.)`,
      };
  }
  return calm(snapshot);
}

function calm(snapshot) {
  const moving =
    snapshot.order.perSecond > 0 || Object.values(snapshot.services).some((side) => side.waiting);
  if (moving)
    return {
      tone: "good",
      kind: "moving",
      text: "Orders are coming in, and each service processes them at its own pace.",
    };
  return {
    tone: "good",
    kind: "quiet",
    text: "All quiet: no orders are waiting. Place some orders or break something, and watch.",
  };
}
