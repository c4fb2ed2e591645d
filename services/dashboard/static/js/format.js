/** Formats numbers, times and ids for display. */

export const count = (number) => number.toLocaleString("en");

export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;

/** A duration in seconds: 9 ms, 3.52 s, 48 s, 3 min. */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.0995) return `${Math.max(1, Math.round(value * 1000))} ms`;
  if (value < 10) return `${value.toFixed(value < 1 ? 2 : 1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

export function rate(value) {
  if (!value) return "0";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

export const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

export const money = (amount) => `€${Number(amount).toFixed(2)}`;

/** Abbreviates an id to its first characters. */
export const short = (id) => (id.length > 14 ? `${id.slice(0, 12)}…` : id);

export const STATES = {
  waiting: "waiting in its queue",
  working: "in progress",
  retrying: "waiting to be retried",
  applied: "done",
  dead_lettered: "dead letter",
  discarded: "discarded",
  undone: "not done",
  unknown: "unknown",
  retried: "failed, will be retried",
  redriven: "redriven",
};
