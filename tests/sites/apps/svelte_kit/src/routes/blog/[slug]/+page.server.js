export function load({ params }) {
  return { slug: params.slug, made: new Date().toISOString() };
}
