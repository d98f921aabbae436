// Keeps lists of tasks true, after tasks.js on every page that has one: the status of each row, all asked for at once,
// how many run and wait, and whether there are newer ones.

const { ENDS, number, polls, makePoll, refreshStreamSoon } = window.brokerless;
const ROW_PAUSE = 2000; // milliseconds
const MOST_ROWS = 100;

let rowData; // of one of them: all have the same addresses
let askedRows = [];

const rowPoll = makePoll({
  address: () => {
    const address = new URL(rowData.url, location.href);
    askedRows = unfinishedRows();
    for (const id of askedRows) address.searchParams.append("task", id);
    const newer = newerLine();
    if (newer) address.searchParams.set("newer_than", newer.dataset.newest);
    return address.href;
  },
  wish: () => ({ events: rowData.events, rows: unfinishedRows(), notices: hasCounts() }),
  take: showRows,
});

class TaskStatus extends HTMLElement {
  isGone = false; // or not for this user any more

  connectedCallback() {
    rowData = this.dataset;
    if (polls.has(rowPoll)) refreshStreamSoon();
    else if (!this.isFinished || hasCounts()) rowPoll.start(ROW_PAUSE);
  }

  disconnectedCallback() {
    if (allRows().length) refreshStreamSoon();
    else rowPoll.stop();
  }

  get isFinished() {
    return this.isGone || ENDS.includes(this.dataset.status);
  }

  show({ status, text }) {
    const before = this.dataset.status;
    this.textContent = text;
    this.classList.remove(`bl-status-${before.toLowerCase()}`);
    this.classList.add("bl-status", `bl-status-${status.toLowerCase()}`);
    this.dataset.status = status;
    if (before === status) return;
    document.querySelector(".bl-newer:not([data-newest])")?.removeAttribute("hidden"); // of a list of one status
    this.dispatchEvent(new CustomEvent("task-status-changed", { bubbles: true }));
  }
}

function allRows() {
  return [...document.querySelectorAll("task-status")];
}

function unfinishedRows() {
  const ids = allRows().filter((row) => !row.isFinished).map((row) => row.dataset.task);
  return [...new Set(ids)].slice(0, MOST_ROWS);
}

function hasCounts() {
  return document.querySelector("[data-count]") !== null;
}

// Until there are newer tasks than the list shows.
function newerLine() {
  return document.querySelector(".bl-newer[data-newest][hidden]");
}

function showRows({ tasks, counts = {}, newer, next_poll_ms: pause }) {
  if (newer) newerLine()?.removeAttribute("hidden");
  for (const row of allRows().filter((each) => askedRows.includes(each.dataset.task))) {
    const task = tasks[row.dataset.task];
    if (task) row.show(task);
    else row.isGone = true;
  }
  for (const cell of document.querySelectorAll("[data-duration]")) {
    cell.textContent = tasks[cell.dataset.duration]?.duration ?? cell.textContent;
  }
  for (const place of document.querySelectorAll("[data-count]")) {
    if (place.dataset.count in counts) place.textContent = number(counts[place.dataset.count]);
  }
  return allRows().length && (unfinishedRows().length || hasCounts()) ? pause : null;
}

customElements.define("task-status", TaskStatus);

// ---- The box that ticks those of all rows

const whole = document.querySelector("[data-all]");
if (whole) {
  const boxes = [...whole.form.querySelectorAll('[name="tasks"]')];
  whole.parentElement.hidden = false;
  whole.form.addEventListener("change", ({ target }) => {
    if (target === whole) for (const box of boxes) box.checked = whole.checked;
    whole.checked = boxes.every((box) => box.checked);
    whole.indeterminate = !whole.checked && boxes.some((box) => box.checked);
  });
}
