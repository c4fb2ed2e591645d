/** The live connection: one snapshot after the other, and the truth about when there is none. */

/** A snapshot comes twice a second; silence for longer than that many ms is a lost connection. */
const SILENCE = 4000;
const TICK = 500;

/** `onSnapshot(snapshot)`; `onLink(state, ms)`: connecting, live or lost, and since when. */
export function connect(onSnapshot, onLink) {
  let source = null;
  let last = null;
  const began = performance.now();

  function open() {
    source?.close();
    source = new EventSource("/api/stream");
    source.addEventListener("snapshot", (event) => {
      last = performance.now();
      onSnapshot(JSON.parse(event.data));
      onLink("live", 0);
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, unless it was refused (too many watchers).
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
      tick();
    });
  }

  function tick() {
    const silent = performance.now() - (last ?? began);
    const isBroken = source.readyState !== EventSource.OPEN && silent > 1000;
    if (silent > SILENCE || isBroken) onLink("lost", last === null ? null : silent);
    else if (last !== null) onLink("live", silent);
  }

  open();
  setInterval(tick, TICK);
}
