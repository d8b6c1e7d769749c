"use strict";
// Theme, observable, families, axes, sorting, filtering and downloads; all by native controls.
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
let drawing = Promise.resolve();
const redraw = () => (drawing = drawing.then(() => drawAll()).catch((error) => console.error(error)));

function setTheme(print = false) {
  const chosen = document.getElementById("theme").value;
  const theme = print ? "light" : chosen || (system.matches ? "dark" : "light");
  if (root.dataset.theme === theme) return;
  root.dataset.theme = theme;
  if (root.dataset.drawn) redraw();
}
document.getElementById("theme").addEventListener("change", () => setTheme());
system.addEventListener("change", () => setTheme());
addEventListener("beforeprint", () => {
  setTheme(true);
  for (const one of document.querySelectorAll("details:not([open])")) { one.dataset.shut = ""; one.open = true; }
});
addEventListener("afterprint", () => {
  setTheme();
  for (const one of document.querySelectorAll("[data-shut]")) { delete one.dataset.shut; one.open = false; }
});

const observable = document.getElementById("observable");
if (observable) {
  observable.addEventListener("change", () => {
    for (const one of document.querySelectorAll("article.chapter")) one.hidden = one.dataset.chapter !== observable.value;
    redraw();
  });
}

const phone = matchMedia("(max-width: 40rem)");
if (phone.matches) for (const one of document.querySelectorAll(".tools, details.family")) one.open = false;

// A link leads to a card that may be folded away.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target && target.closest("details:not([open])");
  if (folded) { folded.open = true; target.scrollIntoView(); }
}
addEventListener("hashchange", unfold);
unfold();

for (const box of document.querySelectorAll("[data-toggle]")) {
  box.addEventListener("change", () => {
    const family = box.dataset.toggle;
    state.hidden[box.checked ? "delete" : "add"](family);
    for (const other of document.querySelectorAll("[data-toggle]")) if (other.dataset.toggle === family) other.checked = box.checked;
    filterAll();
    redraw();
  });
}
for (const choice of document.querySelectorAll("[data-axis]")) {
  choice.addEventListener("change", () => {
    state[choice.dataset.axis] = choice.value;
    for (const other of document.querySelectorAll(`[data-axis=${choice.dataset.axis}]`)) other.checked = other.value === choice.value;
    redraw();
  });
}

// What has no value stays last in either direction.
function sortBy(table, column) {
  const headings = [...table.tHead.rows[0].cells];
  const upwards = headings[column].getAttribute("aria-sort") !== "ascending";
  headings.forEach((cell, index) => cell.setAttribute("aria-sort", index === column ? (upwards ? "ascending" : "descending") : "none"));
  const key = (row) => { const cell = row.cells[column]; return cell.dataset.sort ?? cell.textContent.trim(); };
  const missing = (text) => text === "" || text === "–";
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [one, other] = [key(a), key(b)];
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    const order = isNaN(one) || isNaN(other) ? one.localeCompare(other) : one - other;
    return upwards ? order : -order;
  });
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table[data-sortable]")) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => cell.querySelector("button").addEventListener("click", () => sortBy(table, column)));
}

function filterAll() {
  for (const chapter of document.querySelectorAll("article.chapter")) {
    const words = chapter.querySelector("[data-filter]").value.trim().toLowerCase().split(/\s+/);
    const verdict = chapter.querySelector("[data-filter-verdict]").value;
    const passes = (one) => (!verdict || one.dataset.verdict === verdict) && words.every((word) => one.dataset.words.toLowerCase().includes(word));
    let count = 0;
    for (const row of chapter.querySelectorAll("tr[data-words]")) {
      row.hidden = state.hidden.has(row.dataset.family) || !passes(row);
      count += !row.hidden;
    }
    for (const row of chapter.querySelectorAll(".matrix tbody tr")) {
      const cells = [...row.querySelectorAll(".cell")];
      for (const cell of cells) cell.hidden = !passes(cell);
      row.hidden = state.hidden.has(row.dataset.family) || cells.every((cell) => cell.hidden);
    }
    for (const one of chapter.querySelectorAll("tr[data-family]:not([data-words]), details[data-family]")) {
      if (!one.closest(".matrix")) one.hidden = state.hidden.has(one.dataset.family);
    }
    const all = chapter.querySelectorAll("tr[data-words]").length;
    chapter.querySelector("[data-count]").textContent = count === all ? `${all} ladders` : `${count} of ${all} ladders`;
  }
  for (const row of document.querySelectorAll("#claims tr[data-family]")) row.hidden = state.hidden.has(row.dataset.family);
}
for (const one of document.querySelectorAll("[data-filter], [data-filter-verdict]")) one.addEventListener("input", filterAll);

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function png(name) {
  const image = new Image();
  image.src = URL.createObjectURL(await unpack(name));
  await image.decode();
  const scale = 200 / 72; // dots for each point of the page
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.naturalWidth * scale * 0.75);
  canvas.height = Math.round(image.naturalHeight * scale * 0.75);
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-file], [data-png]");
  if (!button) return;
  if (button.dataset.file) save(await unpack(button.dataset.file), button.dataset.file);
  else save(await png(button.dataset.png), button.dataset.png.replace(/svg$/, "png"));
});

setTheme();
filterAll();
drawing = drawAll(true).catch((error) => console.error(error));
