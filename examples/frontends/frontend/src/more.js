import "./more.css";

export const show = (place) => {
  place.textContent = "Loaded when asked for";
};
