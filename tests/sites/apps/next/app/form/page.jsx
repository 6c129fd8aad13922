import { cookies } from "next/headers";

async function greet(form) {
  "use server";
  (await cookies()).set("name", form.get("name"));
}

export default async function Form() {
  const name = (await cookies()).get("name")?.value;
  return <form action={greet}><input name="name" /><button>Send</button>
    {name && <p id="cookie">Hello {name}</p>}</form>;
}
