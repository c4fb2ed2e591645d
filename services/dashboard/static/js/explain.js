/** What is going on, in a sentence: computed from what the services say, and from nothing else. */

import { count, plural, rate, seconds } from "./format.js";

const DOES = {
  email: "mail",
  sms: "text",
  inventory: "stock movement",
  analytics: "fact",
  shipping: "shipment",
};

const NAMES = { sms: "SMS" };

/** A service's name at the beginning of a sentence. */
const Named = (name) => NAMES[name] ?? name[0].toUpperCase() + name.slice(1);

export function faultOf(faults, kind) {
  return faults.find((fault) => fault.kind === kind);
}

function waitsSafely(side) {
  const waiting = side.waiting ?? side.ready + side.held;
  if (!waiting) return "Nothing waits for it yet";
  return `${plural(waiting, "order waits", "orders wait")} for it, and nothing is lost`;
}

function gaveUp(dead) {
  return dead ? ` ${plural(dead, "event")} it gave up: see the dead letters.` : "";
}

/** About one consumer: `{tone, text, kind}`, or null when there is nothing to explain. */
export function aboutService(name, side) {
  const told = side.told;
  if (!told) return { tone: "bad", kind: "silent", text: `${Named(name)} has not answered yet.` };
  const outage = faultOf(told.faults, "outage");
  const dead = told.queue?.dead ?? 0;
  if (side.unreachable) {
    return {
      tone: "bad",
      kind: "silent",
      text: `${Named(name)} does not answer, since ${seconds(side.age)}. ${waitsSafely(side)}: its queue keeps what comes.`,
    };
  }
  if (outage)
    return {
      tone: "bad",
      kind: "outage",
      text: `${Named(name)} is away. ${waitsSafely(side)}: its queue keeps what comes, and no attempt is used.`,
    };
  if (told.reason)
    return {
      tone: "bad",
      kind: "waits",
      text: `${Named(name)} receives nothing for now, and tries again every few seconds (${told.reason}). ${waitsSafely(side)}.`,
    };
  if (!told.queue)
    return {
      tone: "wait",
      kind: "uncounted",
      text: `${Named(name)}'s queue cannot be counted: ${told.queueReason}`,
    };
  return (
    aboutFaults(name, side, told, dead) ?? aboutBacklog(name, side, told) ?? aboutDead(name, dead)
  );
}

function aboutFaults(name, side, told, dead) {
  const failures = faultOf(told.faults, "failures");
  if (failures) {
    const part = `${Math.round(Number(failures.value) * 100)}%`;
    const retrying = told.queue.retrying
      ? `${plural(told.queue.retrying, "event waits", "events wait")} for another try`
      : "None waits for another try";
    return {
      tone: "wait",
      kind: "failures",
      text: `${part} of ${name}'s attempts fail. ${retrying}; after four attempts an event is a dead letter, and the others go on.${gaveUp(dead)}`,
    };
  }
  const latency = faultOf(told.faults, "latency");
  if (latency) {
    const what = DOES[name] ?? "event";
    return {
      tone: "wait",
      kind: "latency",
      text: `${Named(name)} takes ${latency.value.replace(/^\w+:/, "about ")} s longer for each ${what}. ${waitsSafely(side)}; customers notice none of it.`,
    };
  }
  const crash = faultOf(told.faults, "crash");
  if (crash)
    return {
      tone: "wait",
      kind: "crash",
      text: `The next event kills ${name} ${crash.value} its effect. It starts again, the event comes again, and its inbox knows what is done.`,
    };
  return null;
}

function aboutBacklog(name, side, told) {
  const ready = side.ready;
  if (ready < 15) return null;
  const pace = told.appliedPerSecond;
  const left =
    pace > 0.5 ? ` At ${rate(pace)} a second that takes about ${seconds(ready / pace)}.` : "";
  return {
    tone: "busy",
    kind: "backlog",
    text: `${Named(name)} works on ${count(ready)} that wait in its queue.${left}`,
  };
}

function aboutDead(name, dead) {
  return dead
    ? {
        tone: "wait",
        kind: "dead",
        text: `${plural(dead, "dead letter")} at ${name}: look below, then redrive or discard.`,
      }
    : null;
}

/** About the order service and the relay: the same shape, or null. */
export function aboutOrders(snapshot) {
  const { order, relay } = snapshot;
  const pending = order.outbox?.pending ?? 0;
  if (order.reason)
    return {
      tone: "bad",
      kind: "order",
      text: `The order service takes no orders: ${order.reason}. What was accepted goes on.`,
    };
  if (relay.reason && pending)
    return {
      tone: "bad",
      kind: "relay",
      text: `${plural(pending, "order waits", "orders wait")} in the outbox, written down and safe: the relay does not publish (${relay.reason}).`,
    };
  if (relay.reason)
    return {
      tone: "wait",
      kind: "relay",
      text: `The relay does not publish (${relay.reason}). New orders will wait in the outbox.`,
    };
  const latency = faultOf(order.faults, "latency");
  if (latency)
    return {
      tone: "wait",
      kind: "slow",
      text: `The order service takes ${latency.value} s longer to answer, in both ways.`,
    };
  const failures = faultOf(order.faults, "failures");
  if (failures)
    return {
      tone: "wait",
      kind: "fails",
      text: `${Math.round(Number(failures.value) * 100)}% of new orders are refused with an error. Nothing is accepted and then lost.`,
    };
  return null;
}

/** When nobody reaches the broker, that is one story and not one for each; null otherwise. */
export function aboutBroker(snapshot) {
  const sides = Object.values(snapshot.services);
  const isReached = (side) =>
    !side.told?.reason || Boolean(side.told.queue) || faultOf(side.told.faults, "outage");
  if (!snapshot.relay.reason || !sides.length || sides.some(isReached)) return null;
  const pending = snapshot.order.outbox?.pending ?? 0;
  const waits = pending
    ? `${plural(pending, "order waits", "orders wait")} in the outbox, written down and safe`
    : "New orders will wait in the outbox, written down and safe";
  return {
    tone: "bad",
    kind: "broker",
    text: `The broker is away. ${waits}, and customers are answered as before.`,
  };
}

/** The one sentence above the drawing. */
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
        text: `${some[0].text} And ${plural(some.length - 1, "more thing")} to see below.`,
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
      text: "Orders come in, and each service works on them at its own pace. Nobody waits for the slowest.",
    };
  return {
    tone: "good",
    kind: "quiet",
    text: "All is quiet: no order waits anywhere. Place some, or break something, and watch.",
  };
}
