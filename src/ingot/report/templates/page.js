"use strict";
// The page is whole without this: it adds sorting, a filter, and the figures of a map's boxes.
(() => {
  const table = document.getElementById("kernels");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  const compare = (a, b) => {
    const [x, y] = [a, b].map((text) => (text === "" ? NaN : Number(text)));
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.key;
      const known = rows.filter((row) => key(row) !== "");
      known.sort((a, b) => (up ? 1 : -1) * compare(key(a), key(b)));
      body.append(...known, ...rows.filter((row) => key(row) === ""));
    });
  });

  if (rows.length > 3) {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter: 6.1, arm64, minimal, firecracker";
    input.setAttribute("aria-label", "Show only kernels with these words");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    document.getElementById("tools").append(input);
  }

  for (const map of document.querySelectorAll(".map")) {
    const tip = map.querySelector(".tip");
    const show = (event) => {
      const cell = event.target.closest(".c");
      tip.textContent = cell ? cell.title : "";
    };
    map.querySelector(".box").addEventListener("pointerover", show);
    map.querySelector(".box").addEventListener("click", show);
  }

  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (folded && !folded.open) {
      folded.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", unfold);
  unfold();
  addEventListener("beforeprint", () => {
    for (const kernel of document.querySelectorAll(".kernel > details")) kernel.open = true;
  });
})();
