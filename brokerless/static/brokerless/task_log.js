// Appends a running task's output to the log on its page, as text and never as markup, while the log is open.

const KEPT = 200000; // characters in the page; the whole log is behind the link
const PIECE = 65536; // bytes that an answer holds at most
const FAR_BEHIND = PIECE / 2; // bytes; a shorter way is left to the next poll
const MOST_AT_ONCE = 3; // answers after one poll
const LEAST_PAUSE = 250; // milliseconds between two requests
const RETRY = 2000; // milliseconds, when no poll comes before; more than there are between two of a running task
const NEAR_END = 8; // pixels from the end: who scrolled up further wants to read there

class TaskLog extends HTMLElement {
  #isReading = false;
  #isAsked = false;
  #hasGap = false; // what comes next does not follow what is shown
  #askedAt = -Infinity;
  #timer = null;

  connectedCallback() {
    this.#details?.addEventListener("toggle", this.#read);
    document.addEventListener("visibilitychange", this.#read);
    // Whenever <task-progress> has asked how the task is.
    document.addEventListener("task-polled", this.#read);
    this.#read();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#read);
    document.removeEventListener("task-polled", this.#read);
    clearTimeout(this.#timer);
  }

  get #details() {
    return this.querySelector("details");
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  #read = async () => {
    this.#isAsked = true; // also while it is reading: the task may have ended after that was answered
    if (this.#isReading) return;
    this.#isReading = true;
    clearTimeout(this.#timer);
    try {
      while (this.#isAsked && this.#isWanted()) await this.#catchUp();
    } catch {
      this.#readLater();
    } finally {
      this.#isReading = false;
    }
  };

  // After the task's end nobody else would ask again.
  #readLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#read, RETRY);
  }

  #isWanted() {
    return this.isConnected && this.#details?.open && !document.hidden && !this.hasAttribute("data-end");
  }

  // A task that prints all the time is followed at the pace of the polls, never from each answer to the next.
  async #catchUp() {
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      const before = Number(this.dataset.offset);
      const piece = await this.#ask(before);
      if (!piece) return;
      const isFar = this.#take(piece);
      if (piece.is_end || Number(this.dataset.offset) === before) return;
      this.#readLater();
      if (!isFar) return;
    }
  }

  async #ask(offset) {
    await pause(this.#askedAt + LEAST_PAUSE - performance.now());
    if (!this.#isWanted()) return null;
    this.#askedAt = performance.now();
    this.#isAsked = false;
    const address = `${this.dataset.url}?attempt=${this.dataset.attempt}&offset=${offset}`;
    const response = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (response.status === 401 || response.status === 404) return null; // <task-progress> says why
    if (!response.ok) throw new Error(response.statusText);
    const piece = await response.json();
    return this.isConnected ? piece : null;
  }

  // Tells whether there is much more. What comes after a gap is shown, however much there is by then.
  #take(piece) {
    const behind = piece.size - piece.next_offset;
    const hadGap = this.#hasGap;
    this.#hasGap = !hadGap && behind > KEPT;
    this.dataset.offset = this.#hasGap ? piece.size - PIECE : piece.next_offset;
    if (this.#hasGap) return true;
    if (hadGap) this.#part("lines").replaceChildren("[…]\n");
    this.#show(piece);
    this.toggleAttribute("data-end", piece.is_end);
    return !hadGap && behind >= FAR_BEHIND;
  }

  #show({ text, line }) {
    const box = this.#part("box");
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - NEAR_END;
    const lines = this.#part("lines");
    if (text) lines.append(text);
    let length = lines.textContent.length;
    while (length - lines.firstChild?.length > KEPT) {
      length -= lines.firstChild.length;
      lines.firstChild.remove();
    }
    this.#part("line").textContent = line;
    this.#part("nothing").hidden = Boolean(length || line);
    box.hidden = !(length || line);
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

customElements.define("task-log", TaskLog);
