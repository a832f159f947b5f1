export function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

export function grouped(number) {
  return Math.round(number).toLocaleString("en");
}
