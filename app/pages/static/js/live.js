/* The live feed: keeps one websocket open, remembers how far it has read and goes on from there.

   Status is "live", "reconnecting" or "offline"; while it is not live, `onRetry` is called before each
   new try, so that the page can read the REST resources instead. */

const address = new URL("ws", document.baseURI);
address.protocol = address.protocol === "https:" ? "wss:" : "ws:";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
const PING_MS = 25_000;
const PONG_MS = 10_000;
const TRIES_UNTIL_OFFLINE = 3;
const SESSION_ENDED = 4401;
const RESTART = 1012;

export class Live {
  /** `on`: {frame(frame), status(status), hello(first), reset(), ended(), retry()} */
  constructor(on) {
    this.on = on;
    this.cursor = null;
    this.tries = 0;
    this.socket = null;
    this.status = "reconnecting";
    this.timer = this.pinger = this.deadline = 0;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.lost(this.socket, 0));
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  open() {
    clearTimeout(this.timer);
    this.drop();
    if (this.cursor) address.searchParams.set("since", this.cursor);
    const socket = new WebSocket(address);
    this.socket = socket;
    this.deadline = setTimeout(() => this.lost(socket, 0), PONG_MS); // a proxy may swallow the handshake
    socket.addEventListener("message", (event) => socket === this.socket && this.read(event.data));
    socket.addEventListener("close", (event) => this.lost(socket, event.code));
  }

  read(text) {
    clearTimeout(this.deadline);
    const frame = JSON.parse(text);
    if (frame.type === "pong") return;
    if (frame.type === "hello") this.greeted();
    // behind a later hello may come a reset, which must not get lost: only what follows moves us on
    if (frame.cursor && (frame.type !== "hello" || this.cursor === null)) this.cursor = frame.cursor;
    if (frame.type === "reset") this.on.reset();
    else if (frame.type !== "hello") this.on.frame(frame);
  }

  greeted() {
    const first = this.cursor === null;
    this.tries = 0;
    this.say("live");
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.ping(), PING_MS);
    this.on.hello(first);
  }

  ping() {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send('{"type":"ping"}');
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.lost(socket, 0), PONG_MS);
  }

  lost(socket, code) {
    if (socket !== this.socket) return;
    clearTimeout(this.timer);
    this.drop();
    if (code === SESSION_ENDED) {
      this.on.ended();
      return;
    }
    this.tries += 1;
    const offline = !navigator.onLine || this.tries > TRIES_UNTIL_OFFLINE;
    this.say(offline ? "offline" : "reconnecting");
    this.timer = setTimeout(() => this.again(), code === RESTART && this.tries === 1 ? Math.random() * 200 : this.wait());
  }

  /** Full jitter between half and all of an exponentially growing wait: many pages, one restart, no stampede. */
  wait() {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries);
    return longest * (0.5 + Math.random() / 2);
  }

  again() {
    if (this.tries > 1) this.on.retry();
    this.open();
  }

  hurry() {
    if (this.status === "live") this.ping();
    else if (this.socket === null) this.open();
  }

  drop() {
    clearTimeout(this.deadline);
    clearInterval(this.pinger);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  say(status) {
    if (status === this.status) return;
    this.status = status;
    this.on.status(status);
  }
}
