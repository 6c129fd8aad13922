export async function getServerSideProps({ query }) {
  return { props: { q: query.q ?? "none" } };
}

export default function Legacy({ q }) {
  return <h1>Legacy {q}</h1>;
}
