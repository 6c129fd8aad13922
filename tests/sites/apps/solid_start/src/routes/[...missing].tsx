import { HttpStatusCode } from "@solidjs/start";

export default function Missing() {
  return <><HttpStatusCode code={404} /><h1>Not here</h1></>;
}
