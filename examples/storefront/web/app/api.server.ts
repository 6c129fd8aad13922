// Only the server has this file: browsers call /api on the domain of the page.
export async function api<T>(path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${process.env.API_URL}${path}`, body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Response((await answer.json()).detail?.toString() ?? "", { status: answer.status });
  return answer.json() as Promise<T>;
}
