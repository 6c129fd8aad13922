export const revalidate = 2;

export default function Isr() {
  return <p id="made">{new Date().toISOString()}</p>;
}
