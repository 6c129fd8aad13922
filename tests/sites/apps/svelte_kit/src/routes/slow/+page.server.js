export function load() {
  return { first: "first", last: new Promise((r) => setTimeout(() => r("last"), 700)) };
}
