export const prerender = true;

export function load() {
  return { made: new Date().toISOString() };
}
