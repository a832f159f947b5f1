import "./app.css";
import logo from "./logo.svg";

document.body.append(Object.assign(new Image(), { src: logo }));
import("./lazy.js").then(({ greet }) => greet());
