// A lazily loaded chunk: no page names it in a script element.
import { grouped } from "shop/format";

const EDITION = "second edition";

export function show(target) {
  target.innerHTML = `<div class="finder">
    <h3>Wheel finder, ${EDITION}</h3>
    <label>Diameter <input type="range" min="4" max="120" value="40"></label>
    <output></output>
    <small></small>
  </div>`;
  const range = target.querySelector("input");
  const answer = target.querySelector("output");
  const note = target.querySelector("small");
  const tell = () => {
    const turns = 100000 / (Math.PI * Number(range.value));
    answer.textContent = `A wheel of ${range.value} cm turns ${grouped(turns)} times in a kilometre.`;
    note.textContent = `Its spokes want to be ${grouped(Number(range.value) * 4.6)} millimetres long.`;
  };
  range.addEventListener("input", tell);
  tell();
}
