// Several rows chosen at once, to do one thing with all of them.
//
//   form[data-selection]   does it; hidden while nothing is chosen; [data-selected] in it tells how many are
//   input[data-select]     chooses its row and belongs to that form; data-select=all chooses every row that is shown
const main = document.getElementById("main");
let chosen = new Set();
const boxes = () => [...main.querySelectorAll("input[data-select='']")];

// A row that is put in place anew stays chosen; one that went, or cannot be chosen any more, does not.
function restore() {
  for (const box of boxes()) box.checked = chosen.has(box.value);
  note();
}

function note() {
  const all = boxes();
  chosen = new Set(all.filter((box) => box.checked).map((box) => box.value));
  const [form, every] = [main.querySelector("[data-selection]"), main.querySelector("input[data-select=all]")];
  if (!form) return;
  const [count, told] = [chosen.size.toLocaleString("en"), form.querySelector("[data-selected]")];
  if (told.textContent !== count) told.textContent = count; // each change calls restore
  form.hidden = !chosen.size;
  if (!every) return;
  every.disabled = !all.length;
  every.checked = all.length > 0 && chosen.size === all.length;
  every.indeterminate = chosen.size > 0 && !every.checked;
}

main.addEventListener("change", ({ target }) => {
  if (target.dataset.select === undefined) return;
  if (target.dataset.select) boxes().forEach((box) => (box.checked = target.checked));
  note();
});
new MutationObserver(restore).observe(main, { childList: true, subtree: true });
