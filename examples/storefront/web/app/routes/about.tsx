export default function About() {
  return <main><h1>About</h1><p>This page was rendered by the build, and the CDN serves it.</p></main>;
}
