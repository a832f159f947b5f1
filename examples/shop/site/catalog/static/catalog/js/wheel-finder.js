// A lazily loaded chunk: no page names it in a script element.
import { grouped } from "shop/format";

const EDITION = "first edition";

export function show(target) {
  target.innerHTML = `<div class="finder">
    <h3>Wheel finder, ${EDITION}</h3>
    <label>Diameter <input type="range" min="4" max="120" value="40"></label>
    <output></output>
  </div>`;
  const range = target.querySelector("input");
  const answer = target.querySelector("output");
  const tell = () => {
    const turns = 100000 / (Math.PI * Number(range.value));
    answer.textContent = `A wheel of ${range.value} cm turns ${grouped(turns)} times in a kilometre.`;
  };
  range.addEventListener("input", tell);
  tell();
}
