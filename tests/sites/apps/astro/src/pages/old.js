export function GET({ redirect }) {
  return redirect("/blog/static");
}
