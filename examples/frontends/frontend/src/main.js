import "./app.css";
import logo from "./logo.svg";
import { greeting } from "./words.js";

const place = document.querySelector("#vite");
place.append(Object.assign(new Image(), { src: logo, alt: "" }), greeting);
document.querySelector("button").addEventListener("click", async () => {
  const { show } = await import("./more.js");
  show(document.querySelector("#more"));
});
