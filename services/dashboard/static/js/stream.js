/** Receives the snapshots, and detects a lost connection. */

/** Snapshots arrive twice per second; after this many ms without one, the connection is lost. */
const SILENCE = 4000;
const TICK = 500;

/** `onLink(state, ms)`: state is live or lost; ms since the last snapshot. */
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
      // The browser reconnects by itself, unless it was refused (too many open pages).
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
