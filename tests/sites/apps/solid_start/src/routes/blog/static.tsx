export default function Static() {
  return <main><h1>Post static</h1><p id="made">made</p></main>;
}
